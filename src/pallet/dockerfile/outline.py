"""What a Dockerfile offers: its targets, and the arguments, secrets and SSH agents that one of them takes.

Source: `docker buildx build --call=targets` and `--call=outline`; BuildKit's frontend subrequests for what counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

import msgspec

from pallet.dockerfile.expand import expansion
from pallet.dockerfile.graph import Plan, PlannedStage
from pallet.dockerfile.instructions import Arg, Run
from pallet.dockerfile.scope import Scope, global_definitions, global_variables
from pallet.dockerfile.source import Lines
from pallet.dockerfile.stages import Dockerfile
from pallet.errors import InvalidInput


class Target(msgspec.Struct, frozen=True):
    """A stage as a target; `base` and `platform` as FROM has them, variables in them."""

    name: str
    description: str
    default: bool
    base: str
    platform: str
    lines: Lines


class Argument(msgspec.Struct, frozen=True):
    """An ARG that counts, with the value that it has."""

    name: str
    value: str
    description: str
    lines: Lines


class Needed(msgspec.Struct, frozen=True):
    """A secret or an SSH agent that a RUN mounts, and whether it fails without."""

    name: str
    required: bool
    lines: Lines


_T = TypeVar("_T", Argument, Needed)


class Outline(msgspec.Struct, frozen=True):
    """What a target takes, with all the stages that it needs; each in the order of the file."""

    name: str
    description: str
    arguments: tuple[Argument, ...]
    secrets: tuple[Needed, ...]
    agents: tuple[Needed, ...]


def targets(dockerfile: Dockerfile) -> tuple[Target, ...]:
    """All stages, in the order of the file; the last one is the default."""
    last = len(dockerfile.stages) - 1
    return tuple(
        Target(
            stage.name,
            _description(stage.start.comments, stage.name),
            stage.index == last,
            stage.start.base,
            stage.start.platform,
            stage.start.lines,
        )
        for stage in dockerfile.stages
    )


def outline(
    dockerfile: Dockerfile,
    plan: Plan,
    *,
    predefined: Mapping[str, str],
    build_args: Mapping[str, str],
    environments: Mapping[str, Mapping[str, str]],
) -> Outline:
    """What the plan's target takes.

    Args:
        plan: of the Dockerfile.
        predefined: what `scope.platform_arguments` gave.
        build_args: the build's arguments.
        environments: the variables of base images, by their names in FROM, of those that are known.

    Raises:
        DockerfileError: an instruction of a needed stage that does not expand.
    """
    reader = _Reader(dockerfile, plan, predefined, build_args, environments)
    for index in plan.needed:
        reader.read(plan.stages[index])
    stages = [reader.stages[index] for index in _inwards(plan)]
    target = plan.stages[plan.target].stage
    return Outline(
        target.name,
        _description(target.start.comments, target.name),
        _first_of_each(each for stage in stages for each in stage.wanted()),
        _first_of_each(each for stage in stages for each in stage.secrets),
        _first_of_each(each for stage in stages for each in stage.agents),
    )


def _inwards(plan: Plan) -> Iterator[int]:
    """The target, then what it needs: of two stages with the same argument, the one nearer to the target counts."""
    waiting, seen = [plan.target], {plan.target}
    while waiting:
        index = waiting.pop(0)
        yield index
        fresh = [need for need in plan.stages[index].needs if need not in seen]
        seen.update(fresh)
        waiting += fresh


def _first_of_each(found: Iterable[_T]) -> tuple[_T, ...]:
    first: dict[str, _T] = {}
    for each in found:
        first.setdefault(each.name, each)
    return tuple(sorted(first.values(), key=lambda each: each.lines[0]))


class _Stage:
    """What one stage has of its own; `needs` are the names that an argument's value is made from."""

    def __init__(self, scope: Scope, arguments: dict[str, Argument], needs: Mapping[str, frozenset[str]]) -> None:
        self.scope = scope
        self.arguments = arguments
        self.used: set[str] = set()
        self.secrets: list[Needed] = []
        self.agents: list[Needed] = []
        self._needs = needs

    def wanted(self) -> Iterator[Argument]:
        """The arguments that are used, and those that these are made from."""
        waiting, seen = sorted(self.used), set(self.used)
        while waiting:
            name = waiting.pop()
            if name in self.arguments:
                yield self.arguments[name]
                fresh = self._needs.get(name, frozenset()) - seen
                seen |= fresh
                waiting += sorted(fresh)


class _Reader:
    """Goes through stages in the order of the file."""

    def __init__(
        self,
        dockerfile: Dockerfile,
        plan: Plan,
        predefined: Mapping[str, str],
        build_args: Mapping[str, str],
        environments: Mapping[str, Mapping[str, str]],
    ) -> None:
        self._dockerfile = dockerfile
        self._plan = plan
        self._globals = global_variables(dockerfile, predefined, build_args)
        self._build_args = build_args
        self._environments = environments
        self._arguments: dict[str, Argument] = {}
        self._needs: dict[str, frozenset[str]] = {}
        self.stages: dict[int, _Stage] = {}
        for instruction, definition, used in global_definitions(dockerfile, predefined, build_args):
            self._arguments[definition.name] = _argument(instruction, definition.name, definition.value)
            # One that is defined again from itself needs what it needed before.
            before = self._needs.get(definition.name, frozenset()) if definition.name in used else frozenset()
            self._needs[definition.name] = (used | before) - {definition.name}

    def read(self, planned: PlannedStage) -> None:
        """Read one stage; those that it needs have been read."""
        base, stage = planned.base, planned.stage
        if base.kind == "stage":
            scope = self.stages[base.stage].scope.child()
        else:
            known = self._environments.get(stage.start.base, {})
            scope = Scope(self._globals, self._build_args, known, self._dockerfile.escape)
        found = self.stages[stage.index] = _Stage(scope, dict(self._arguments), self._needs)
        if base.kind == "context" and base.name == stage.name:
            return
        for text in (stage.start.base, stage.start.platform):
            found.used |= expansion(text, self._globals, escape=self._dockerfile.escape).used
        for instruction in stage.instructions:
            try:
                expanded = scope.apply(instruction).instruction
            except InvalidInput as error:
                raise self._dockerfile.fault(error, instruction.lines) from None
            if isinstance(instruction, Arg) and isinstance(expanded, Arg):
                self._declare(found, instruction, expanded)
            elif isinstance(expanded, Run):
                for mount in expanded.mounts:
                    if mount.type == "secret":
                        found.secrets.append(Needed(mount.known_as, mount.required, instruction.lines))
                    elif mount.type == "ssh":
                        found.agents.append(Needed(mount.known_as, mount.required, instruction.lines))

    def _declare(self, found: _Stage, written: Arg, expanded: Arg) -> None:
        for before, after in zip(written.definitions, expanded.definitions, strict=True):
            name = before.name
            found.used.add(name)
            if before.value is not None or name in self._build_args or name not in self._globals:
                found.arguments[name] = _argument(written, name, after.value)  # else it is the one before FROM


def _argument(instruction: Arg, name: str, value: str | None) -> Argument:
    return Argument(name, value or "", _description(instruction.comments, name), instruction.lines)


def _description(comments: tuple[str, ...], name: str) -> str:
    """What the first comment says that begins with the name."""
    mark = f"{name} "
    return next((text.removeprefix(mark) for text in comments if name and text.startswith(mark)), "")
