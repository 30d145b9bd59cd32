"""One stage: from its FROM through its instructions to its end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

from pallet.build.bases import Base, named_image
from pallet.build.cache import Key
from pallet.build.copystep import CopyStep
from pallet.build.events import Step
from pallet.build.layers import Layer, Packed, directories
from pallet.build.metadata import apply_metadata, working_directory
from pallet.build.record import StepRecord
from pallet.build.runmounts import MountSource
from pallet.build.runstep import RunStep
from pallet.build.shared import Shared, Work
from pallet.build.state import State, base_config, empty_state, variables_of
from pallet.build.view import with_views
from pallet.dockerfile.expand import expansion
from pallet.dockerfile.graph import PlannedStage, Source, context_name, refuse_too_early, sources_of
from pallet.dockerfile.instructions import Add, Copy, Instruction, Run, Workdir
from pallet.dockerfile.scope import Scope
from pallet.dockerfile.source import Lines
from pallet.dockerfile.stages import parse_trigger
from pallet.errors import DockerfileError, InvalidInput, PalletError
from pallet.layer.snapshots import Staging
from pallet.ops.times import parse_rfc3339
from pallet.platform import Platform
from pallet.platform import parse as parse_platform
from pallet.reference import parse as parse_reference

_MAKES_LAYER = (Run, Copy, Add, Workdir)
_T = TypeVar("_T")


class StageBuilder:
    """Builds one stage.

    Args:
        shared: the build's parts.
        work: the Dockerfile.
        planned: the stage.
        need: gives another stage, by its index; waits for it.
    """

    def __init__(self, shared: Shared, work: Work, planned: PlannedStage, need: Callable[[int], State]) -> None:
        self._shared = shared
        self._work = work
        self._planned = planned
        self._need = need
        self._count = 0
        self._recorded = 0
        self._args: tuple[str, ...] = ()  # of the last RUN
        self._total = 0
        several = len(work.plan.stages) > 1 or bool(planned.stage.name)
        self._epoch = shared.options.epoch
        platform = planned.platform or str(work.platform)
        words = [platform] if len(shared.options.platforms) > 1 else []
        words += [planned.stage.label] if several else []
        self._label = "".join(f"{word} " for word in words)
        filtered = shared.options.no_cache_filter
        self._use_cache = not shared.options.no_cache and planned.stage.label not in filtered

    def build(self) -> State:
        """Build it.

        Raises:
            DockerfileError: an instruction cannot be carried out, with its lines.
        """
        stage, base = self._planned.stage, self._planned.base
        state, triggers, image = self._guarded(stage.start.lines, self._begin)
        instructions = [(each, True) for each in triggers] + [(each, False) for each in stage.instructions]
        if base.kind == "context" and base.name == stage.name:
            instructions = []  # the context stands in for the whole stage
        self._total = bool(image) + sum(isinstance(each, _MAKES_LAYER) for each, _ in instructions)
        if image:
            with self._shared.journal.step(f"{self._prefix()}FROM {image}") as step:
                state.step = step.number
                self._shared.cancel.check()
        for instruction, triggered in instructions:
            self._shared.cancel.check()
            self._guarded(instruction.lines, partial(self._carry_out, state, instruction, triggered))
        return state

    def _guarded(self, lines: Lines, work: Callable[[], _T]) -> _T:
        try:
            return work()
        except DockerfileError:
            raise
        except PalletError as error:
            fault = self._work.dockerfile.fault(InvalidInput(error.message), lines)
            fault.hint = error.hint
            raise fault from error

    def _begin(self) -> tuple[State, list[Instruction], str]:
        """The state after FROM, what the base has for ONBUILD, and the base image's name, if it is an image."""
        base = self._planned.base
        platform = parse_platform(self._planned.platform) if self._planned.platform else self._work.platform
        if base.kind == "stage":
            state, image = self._need(base.stage).child(), ""
        elif base.kind == "scratch":
            state, image = empty_state(platform, self._scope({}), self._shared.now()), ""
            state.scope.environment |= variables_of(state.config)
            state.scope.variables |= variables_of(state.config)
        else:
            state, image = self._from_image(base, platform)
        triggers = [parse_trigger(text, self._planned.stage.start.lines) for text in state.config.on_build or ()]
        state.change(on_build=None)
        return state, triggers, image

    def _from_image(self, base: Source, platform: Platform) -> tuple[State, str]:
        name = base.name
        if base.kind == "context":
            image = named_image(self._named(name))
            if not image:
                return self._from_directory(name, platform), ""
            name = image
        found = self._base(name, platform)
        config = base_config(found.image.config)
        created = parse_rfc3339(found.image.config.created or "") or self._shared.now()
        state = State(found.top, config, found.image.config.platform, self._scope(variables_of(config)), created)
        state.history = list(found.image.config.history)
        state.author = found.image.config.author
        state.base_layers = len(found.image.config.diff_ids)
        return state, full_name(name)

    def _from_directory(self, name: str, platform: Platform) -> State:
        """A stage that is a directory: its files in one layer."""
        state = empty_state(platform, self._scope({}), self._shared.now())
        text = f"COPY . / # {name}"
        lines = self._planned.stage.start.lines
        whole = Copy(keyword="COPY", text=text, lines=lines, sources=(".",), destination="/")
        state.top, _ = CopyStep(self._shared, state, whole, context=name).run(text, use_cache=self._use_cache)
        state.commit(text, self._epoch, layer=True)
        return state

    def _scope(self, environment: dict[str, str]) -> Scope:
        escape = self._work.dockerfile.escape
        return Scope(self._work.variables, self._shared.options.build_args, environment, escape)

    def _named(self, name: str) -> str:
        return next(each.value for each in self._shared.options.contexts if context_name(each.name) == name)

    def _carry_out(self, state: State, instruction: Instruction, triggered: bool) -> None:
        before = dict(state.scope.variables)
        expanded = state.scope.apply(instruction).instruction
        text = apply_metadata(state, expanded)
        if text is not None:
            if text:
                state.commit(text, self._epoch)
            return
        shown = f"{self._prefix()}{'ONBUILD ' if triggered else ''}{self._shown(instruction, before)}"
        config, env = state.config, tuple(f"{key}={value}" for key, value in state.scope.variables.items())
        with self._shared.journal.step(shown, self._inputs(state, instruction)) as step:
            state.step = step.number
            cached = self._layer(state, expanded, step)
            if state.top is not None:
                stage, place, text = self._planned.stage.index, self._recorded, state.history[-1].created_by
                self._recorded += 1
                self._work.steps.append(
                    StepRecord(stage, place, expanded, text, self._args, env, config, state.platform, state.top)
                )
            if cached:
                step.cached()

    def _inputs(self, state: State, instruction: Instruction) -> list[int]:
        """The numbers of the steps whose results an instruction takes; waits for those of other stages."""
        found = [state.step]
        for source in sources_of(instruction, self._work.plan):
            if source.kind == "stage":
                refuse_too_early(instruction, source, self._planned.stage)
                found.append(self._need(source.stage).step)
        return [number for number in dict.fromkeys(found) if number]

    def _layer(self, state: State, instruction: Instruction, step: Step) -> bool:
        """Make the layer of an instruction; tell whether it was in the cache."""
        description = step.name.partition("] ")[2] or step.name
        if isinstance(instruction, Run):
            run = RunStep(self._shared, state, instruction, self._mount_sources(instruction))
            self._args = run.args
            state.top, cached = run.run(step, description, use_cache=self._use_cache)
            state.commit(run.history, self._epoch, layer=True)
        elif isinstance(instruction, Workdir):
            path = working_directory(state, instruction.path)
            state.change(working_dir=path)
            cached = path != "/"
            if cached:
                state.top, cached = self._directory(state, path, description)
            state.commit(f"WORKDIR {path}", self._epoch, layer=path != "/")
        else:
            assert isinstance(instruction, Copy | Add)
            state.top, cached = self._copy(state, instruction, description)
            words = [*(f"<<{file.name}" for file in instruction.files), *instruction.sources, instruction.destination]
            state.commit(f"{instruction.name} {' '.join(words)} # buildkit", self._epoch, layer=True)
        return cached

    def _copy(self, state: State, instruction: Copy | Add, description: str) -> tuple[Layer, bool]:
        layer, staged, context = None, False, ""
        if isinstance(instruction, Copy) and instruction.source_stage:
            source = self._source(self._work.plan.source(instruction.source_stage))
            layer, staged, context = source.layer, source.staged, source.context
        step = CopyStep(self._shared, state, instruction, source=layer, staged=staged, context=context)
        try:
            return step.run(description, use_cache=self._use_cache)
        finally:
            self._work.fetched += step.fetched

    def _mount_sources(self, instruction: Run) -> list[MountSource]:
        found = []
        for mount in instruction.mounts:
            if mount.source_stage:
                found.append(self._source(self._work.plan.source(mount.source_stage, numbers=False)))
            else:
                found.append(MountSource())
        return found

    def _source(self, source: Source) -> MountSource:
        """What a name stands for that COPY or a mount takes from."""
        if source.kind == "stage":
            return MountSource(self._need(source.stage).top, staged=True)
        if source.kind == "scratch":
            return MountSource(None, staged=True)
        name = source.name
        if source.kind == "context":
            image = named_image(self._named(name))
            if not image:
                return MountSource(context=name)
            name = image
        return MountSource(self._base(name, self._work.platform).top, staged=True)

    def _base(self, name: str, platform: Platform) -> Base:
        found = self._shared.bases.image(name, platform)
        self._work.images.append((name, platform, found.digest))
        return found

    def _directory(self, state: State, path: str, description: str) -> tuple[Layer, bool]:
        """WORKDIR's layer: the directory, if it is not there; it belongs to the stage's user."""
        from pallet.build.copyplan import CopyPlan
        from pallet.build.layerwrite import write_layer
        from pallet.build.modes import owner

        options, user = self._shared.options, state.config.user
        parts = [b"WORKDIR", path.encode("utf-8", "surrogateescape"), user.encode(), str(options.epoch).encode()]

        def make(staging: Staging) -> Packed:
            lowers = directories(state.top)

            def write(roots: list[int]) -> Packed:
                clamp = options.clamp
                plan = CopyPlan(
                    roots[0],
                    owner=owner(user, roots[0]),
                    clock=lambda time: time if clamp is None else min(time, clamp * 1_000_000_000),
                )
                target = plan.resolve(path)
                if not plan.has_directory(target):
                    plan.directories(target)
                engine, unpacker = self._shared.engine, lambda: self._shared.unpacker
                return write_layer(engine, unpacker, plan.items(), roots[0], lowers, staging)

            return with_views(staging.path, [lowers], write)

        return self._shared.book.layer(state.top, [Key(lambda: parts)], description, make, use_cache=self._use_cache)

    def _prefix(self) -> str:
        if not self._total:
            return ""
        self._count += 1
        width = len(str(self._total))
        return f"[{self._label}{self._count:>{width}}/{self._total}] "

    def _shown(self, instruction: Instruction, variables: dict[str, str]) -> str:
        keyword, _, rest = instruction.text.partition(" ")
        with suppress(InvalidInput):
            rest = expansion(rest, variables, keep_quotes=True, keep_escapes=True, keep_unset=True).text
        text = f"{keyword.upper()} {rest}".replace("\n", " ")
        if isinstance(instruction, Run) and instruction.heredocs:
            first, newline, _ = instruction.heredocs[0].text.strip().partition("\n")
            text += f" ({first}{'...' if newline else ''})"
        return text


def full_name(name: str) -> str:
    """An image's whole name, for people."""
    try:
        return str(parse_reference(name).with_default_tag())
    except InvalidInput:
        return name
