"""Which stages a build needs, and what each is made from: other stages, named contexts, images or nothing.

Source: Dockerfile reference, "FROM", "COPY --from", "RUN --mount"; `docker build --target` and `--build-context`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Literal

import msgspec

from pallet.dockerfile.expand import expand, expansion
from pallet.dockerfile.instructions import Copy, Instruction, Run
from pallet.dockerfile.mounts import mount_source, parse_mount
from pallet.dockerfile.numbers import parse_number
from pallet.dockerfile.source import quoted
from pallet.dockerfile.stages import Dockerfile, Stage
from pallet.dockerfile.suggest import did_you_mean
from pallet.errors import DockerfileError, InvalidInput
from pallet.platform import parse as parse_platform
from pallet.reference import parse as parse_reference

_SCRATCH = "scratch"
_NEVER_CONTEXTS = (_SCRATCH, "context")


class Source(msgspec.Struct, frozen=True):
    """What a name stands for; `stage` is the index of a stage, else -1."""

    kind: Literal["stage", "context", "image", "scratch"]
    name: str
    stage: int = -1


class PlannedStage(msgspec.Struct, frozen=True):
    """A stage whose FROM is understood.

    Attributes:
        base: what it begins with; a stage whose own name is that of a context is the context, whatever it says.
        platform: the expanded --platform, or "".
        needs: the indexes of the stages it needs, by FROM, COPY --from or RUN --mount.
        undefined: names of variables in FROM that nobody defined.
    """

    stage: Stage
    base: Source
    platform: str
    needs: tuple[int, ...]
    undefined: tuple[str, ...] = ()


class Plan(msgspec.Struct, frozen=True):
    """The stages of a Dockerfile, and which of them a target needs.

    Attributes:
        target: the index of the stage to build.
        needed: the indexes of all stages it needs, itself with them, in the order of the file.
        names: the index of the last stage of each name.
        contexts: the names of the build's contexts, as `context_name` has them.
    """

    stages: tuple[PlannedStage, ...]
    target: int
    needed: tuple[int, ...]
    names: dict[str, int]
    contexts: frozenset[str]

    def source(self, name: str, *, numbers: bool = True) -> Source:
        """What a --from or `from=` names.

        Args:
            numbers: whether a number is a stage's index, as in COPY --from.

        Raises:
            InvalidInput: no such stage, or not a name that an image could have.
        """
        if numbers and name.lstrip("+-").isdecimal() and name.isascii():
            index = parse_number(name)
            if not 0 <= index < len(self.stages):
                raise InvalidInput(f"invalid stage index {index}")
            return Source("stage", name, index)
        return _source(name, self.names, self.contexts)


def context_name(name: str) -> str:
    """The name of a --build-context, or of an image that it may stand in for: short, and without `:latest`.

    Raises:
        InvalidReference: not a name.
    """
    return parse_reference(name).familiar.removesuffix(":latest")


def plan(
    dockerfile: Dockerfile,
    variables: Mapping[str, str],
    *,
    target: str = "",
    contexts: Collection[str] = (),
) -> Plan:
    """Find out what each stage is made from, and which stages the target needs.

    Args:
        variables: what `scope.global_variables` gave.
        target: the name of a stage; the last one if it is empty.
        contexts: the names of the build's additional contexts.

    Raises:
        DockerfileError: a FROM that does not expand or names nothing, a stage that needs itself or a later one, options
            of a needed stage's mounts that are wrong.
        InvalidInput: no stage has the target's name.
    """
    known = frozenset(map(context_name, contexts))
    names: dict[str, int] = {}
    based: list[PlannedStage] = []
    for stage in dockerfile.stages:
        try:
            based.append(_based(stage, variables, dockerfile.escape, names, known))
        except InvalidInput as error:
            raise dockerfile.fault(error, stage.start.lines) from None
        if stage.name:
            names[stage.name] = stage.index
    draft = Plan(tuple(based), _target(target, names, len(based)), (), names, known)
    stages = tuple(
        msgspec.structs.replace(planned, needs=tuple(dict.fromkeys(_needs(dockerfile, draft, planned))))
        for planned in draft.stages
    )
    _refuse_circles(dockerfile, stages)
    needed = _reachable(stages, draft.target)
    result = msgspec.structs.replace(draft, stages=stages, needed=needed)
    for index in needed:
        _check(dockerfile, result, stages[index])
    return result


def _based(
    stage: Stage,
    variables: Mapping[str, str],
    escape: str,
    names: Mapping[str, int],
    contexts: frozenset[str],
) -> PlannedStage:
    start = stage.start
    base = expansion(start.base, variables, escape=escape)
    undefined = set(base.undefined)
    if not base.text:
        raise InvalidInput(f"base name ({start.base}) should not be blank")
    platform = ""
    if start.platform:
        found = expansion(start.platform, variables, escape=escape)
        undefined |= found.undefined
        platform = found.text
        guess = next(filter(None, (did_you_mean(name, variables) for name in sorted(found.undefined))), "")
        if not platform:
            raise InvalidInput(f"empty platform value from expression {start.platform}{guess}")
        try:
            parse_platform(platform)
        except InvalidInput as error:
            raise InvalidInput(f"failed to parse platform {start.platform}: {error.message}{guess}") from None
    if stage.name in contexts and stage.name not in _NEVER_CONTEXTS:
        source = Source("context", stage.name)
    else:
        source = _source(base.text, names, contexts)
    return PlannedStage(stage, source, platform, (), tuple(sorted(undefined)))


def _source(name: str, names: Mapping[str, int], contexts: frozenset[str]) -> Source:
    lowered = name.lower()
    if lowered in names:
        return Source("stage", name, names[lowered])
    if name == _SCRATCH:
        return Source("scratch", name)
    try:
        reference = parse_reference(name)
    except InvalidInput as error:
        raise InvalidInput(f"failed to parse stage name {quoted(name)}: {error.message}") from None
    short = reference.familiar.removesuffix(":latest")
    if short in contexts and short not in _NEVER_CONTEXTS:
        return Source("context", short)
    return Source("image", name)


def _target(name: str, names: Mapping[str, int], count: int) -> int:
    if not name:
        return count - 1
    if name.lower() not in names:
        guess = did_you_mean(name, names)
        raise InvalidInput(f"target stage {quoted(name)} could not be found{guess}")
    return names[name.lower()]


def sources_of(instruction: Instruction, draft: Plan) -> Iterator[Source]:
    """What an instruction takes from elsewhere than the build's context.

    Raises:
        InvalidInput: a name that stands for nothing.
    """
    if isinstance(instruction, Copy) and instruction.source_stage:
        name = instruction.source_stage
        if expand(name, {}) != name:
            raise InvalidInput(
                "variable expansion is not supported for --from, "
                "define a new stage with FROM using ARG from global scope as a workaround"
            )
        yield draft.source(name)
    if isinstance(instruction, Run):
        for text in instruction.mount_flags:
            name = mount_source(text)
            if name:
                yield draft.source(name, numbers=False)


def _needs(dockerfile: Dockerfile, draft: Plan, planned: PlannedStage) -> Iterator[int]:
    if planned.base.kind == "stage":
        yield planned.base.stage
    if planned.base.kind == "context" and planned.base.name == planned.stage.name:
        return
    for instruction in planned.stage.instructions:
        try:
            for source in sources_of(instruction, draft):
                if source.kind == "stage":
                    yield source.stage
        except InvalidInput as error:
            raise dockerfile.fault(error, instruction.lines) from None


def _refuse_circles(dockerfile: Dockerfile, stages: tuple[PlannedStage, ...]) -> None:
    """Take away stages whose needs are met until none is left; those left need each other, or one that does."""
    users: dict[int, list[int]] = {}
    open_needs = [len(planned.needs) for planned in stages]
    for index, planned in enumerate(stages):
        for need in planned.needs:
            users.setdefault(need, []).append(index)
    ready = [index for index, count in enumerate(open_needs) if not count]
    while ready:
        for user in users.get(ready.pop(), ()):
            open_needs[user] -= 1
            if not open_needs[user]:
                ready.append(user)
    for planned, count in zip(stages, open_needs, strict=True):
        if count:
            message = f"circular dependency detected on stage: {planned.stage.label}"
            raise dockerfile.fault(InvalidInput(message), planned.stage.start.lines)


def _reachable(stages: tuple[PlannedStage, ...], target: int) -> tuple[int, ...]:
    found = {target}
    waiting = [target]
    while waiting:
        for need in stages[waiting.pop()].needs:
            if need not in found:
                found.add(need)
                waiting.append(need)
    return tuple(sorted(found))


def _check(dockerfile: Dockerfile, result: Plan, planned: PlannedStage) -> None:
    """What can be said of a needed stage before anything runs."""
    if planned.base.kind == "context" and planned.base.name == planned.stage.name:
        return
    for instruction in planned.stage.instructions:
        try:
            for source in sources_of(instruction, result):
                refuse_too_early(instruction, source, planned.stage)
            if isinstance(instruction, Run):
                for text in instruction.mount_flags:
                    if "$" not in text:
                        parse_mount(text, lambda value: expand(value, {}, dockerfile.escape))
        except DockerfileError:
            raise
        except InvalidInput as error:
            raise dockerfile.fault(error, instruction.lines) from None


def refuse_too_early(instruction: Instruction, source: Source, stage: Stage) -> None:
    """Stages come before those that take from them. Raises InvalidInput."""
    if source.stage < stage.index:
        return
    if isinstance(instruction, Copy):
        name, label = quoted(source.name), quoted(stage.label)
        raise InvalidInput(f"cannot copy from stage {name}, it needs to be defined before current stage {label}")
    raise InvalidInput(
        f"cannot mount from stage {quoted(source.name)}, stage needs to be defined before current command"
    )
