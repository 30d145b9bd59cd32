"""The steps of a build in the words of BuildKit's LLB, as its provenance has them: sources, then what is made of them.

Source: BuildKit's solver/pb/ops.proto, and its JSON; its Dockerfile frontend for which operations an instruction is.
Digests of the encoded operations are left out: nothing here is encoded so.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from pallet.build.attest.llbfields import (
    NOTHING,
    copy_fields,
    exec_fields,
    file_name,
    git_source,
    image_source,
    local_source,
    mount_fields,
    owner_fields,
    platform_fields,
    web_source,
)
from pallet.build.bases import named_image
from pallet.build.git import is_git
from pallet.build.layers import Layer
from pallet.build.metadata import working_directory_of
from pallet.build.options import BuildOptions
from pallet.build.record import StepRecord
from pallet.build.shared import Work
from pallet.dockerfile.graph import Source, context_name
from pallet.dockerfile.instructions import Add, Copy, InlineFile, Run, Workdir
from pallet.dockerfile.source import Lines
from pallet.oci.codec import to_json_object
from pallet.platform import Platform
from pallet.platform import parse as parse_platform

_REMOTE = ("http://", "https://")
_DIRECTORY_MODE, _SCRIPT_MODE, _INLINE_MODE = 0o755, 0o755, 0o644


class Op(msgspec.Struct, frozen=True):
    """One operation.

    Attributes:
        fields: what it is, by its kind.
        inputs: the numbers of the operations that it takes the first result of.
        platform: what it is for; None for all alike.
        lines: where the Dockerfile has it, each place that does; nothing for what it does not have.
        layers: its result, bottom first, where that is known.
    """

    fields: dict[str, Any]
    inputs: tuple[int, ...]
    platform: Platform | None = None
    lines: tuple[Lines, ...] = ()
    layers: tuple[dict[str, Any], ...] = ()


class Definition:
    """The operations that lead to a target, inputs first; the last one only stands for the result.

    Args:
        work: the platform; its steps are recorded.
        options: the build's.
        origin: of the main context, as `Context` has it.
        image: the uppermost layer of an image that the build had.
    """

    def __init__(
        self,
        work: Work,
        options: BuildOptions,
        origin: tuple[str, str, str] | None,
        image: Callable[[str, Platform], Layer | None],
    ) -> None:
        self._work = work
        self._options = options
        self._origin = origin
        self._image = image
        self._ops: list[Op] = []
        self._sources: dict[tuple[str, str], int] = {}
        self._stages: dict[int, int] = {}
        last = self._stage(work.plan.target)
        if last != NOTHING:
            self._ops.append(Op({}, (last,)))

    def steps(self) -> list[dict[str, Any]]:
        """The operations, `llbDefinition`."""
        return [_described(number, op) for number, op in enumerate(self._ops)]

    def locations(self) -> dict[str, Any]:
        """Where the Dockerfile has them, by step."""
        return {
            f"step{number}": {"locations": [{"ranges": [_range(each)]} for each in op.lines]}
            for number, op in enumerate(self._ops)
            if op.lines
        }

    def layers(self) -> dict[str, Any]:
        """What came of them, by step."""
        return {f"step{number}:0": [list(op.layers)] for number, op in enumerate(self._ops) if op.layers}

    def _stage(self, index: int) -> int:
        """The number of the operation whose result a stage is; NOTHING for an empty one."""
        if index not in self._stages:
            planned = self._work.plan.stages[index]
            platform = parse_platform(planned.platform) if planned.platform else self._work.platform
            top = self._source(planned.base, platform, planned.stage.start.lines)
            records = sorted((each for each in self._work.steps if each.stage == index), key=lambda each: each.place)
            for record in records:
                top = self._step(record, top)
            self._stages[index] = top
        return self._stages[index]

    def _source(self, source: Source, platform: Platform, lines: Lines | None = None) -> int:
        """What a name stands for that FROM, COPY or a mount takes from."""
        if source.kind == "scratch":
            return NOTHING
        if source.kind == "stage":
            return self._stage(source.stage)
        name = source.name
        if source.kind == "context":
            value = next(each.value for each in self._options.contexts if context_name(each.name) == name)
            name = named_image(value)
            if not name:
                return self._remote(value) if is_git(value) or value.startswith(_REMOTE) else self._local(source.name)
        digest = next((each for known, of, each in self._work.images if (known, of) == (name, platform)), None)
        return self._add_source(
            image_source(name, digest), platform=platform, lines=lines, top=self._image(name, platform)
        )

    def _context(self) -> int:
        return self._local("context") if self._origin is None else self._remote(self._origin[0])

    def _local(self, name: str) -> int:
        return self._add_source(local_source(name))

    def _remote(self, address: str, add: Add | None = None) -> int:
        return self._add_source(git_source(address, add) if is_git(address) else web_source(address, add))

    def _add_source(
        self,
        fields: dict[str, Any],
        *,
        platform: Platform | None = None,
        lines: Lines | None = None,
        top: Layer | None = None,
    ) -> int:
        key = (fields["identifier"], str(platform))
        number = self._sources.get(key, NOTHING)
        if number == NOTHING:
            number = self._sources[key] = self._add(Op({"source": fields}, (), platform, (), _chain(top)))
        if lines is not None:
            op = self._ops[number]
            self._ops[number] = msgspec.structs.replace(op, lines=(*op.lines, lines))
        return number

    def _add(self, op: Op) -> int:
        self._ops.append(op)
        return len(self._ops) - 1

    def _step(self, record: StepRecord, below: int) -> int:
        instruction = record.instruction
        if isinstance(instruction, Run):
            return self._run(record, instruction, below)
        if isinstance(instruction, Copy | Add):
            return self._copy(record, instruction, below)
        assert isinstance(instruction, Workdir)
        path = working_directory_of(record.config, instruction.path)
        if path == "/":
            return below
        made: dict[str, Any] = {"path": path, "mode": _DIRECTORY_MODE, "makeParents": True, "timestamp": -1}
        made |= owner_fields(record.config.user)
        action = {"input": 0 if below != NOTHING else -1, "secondaryInput": -1, "output": 0, "Action": {"mkdir": made}}
        return self._file(record, [action], _inputs(below))

    def _run(self, record: StepRecord, run: Run, below: int) -> int:
        inputs = list(_inputs(below))
        mounts: list[dict[str, Any]] = [{"dest": "/"} if inputs else {"input": -1, "dest": "/"}]

        def taken(number: int) -> int:
            if number == NOTHING:
                return -1
            if number not in inputs:
                inputs.append(number)
            return inputs.index(number)

        if run.script is not None:
            made = self._inline(InlineFile(run.script.name, run.script.text), record.platform, _SCRIPT_MODE)
            mounts.append({"input": taken(made), "dest": "/dev/pipes/", "output": -1, "readonly": True})
        agents = 0
        for mount in run.mounts:
            number = NOTHING
            if mount.source_stage:
                number = self._source(self._work.plan.source(mount.source_stage, numbers=False), self._work.platform)
            elif mount.type == "bind":
                number = self._context()
            fields = mount_fields(mount, record.config, taken(number), agents)
            agents += mount.type == "ssh"
            if fields:
                mounts.append(fields)
        return self._add(
            Op(
                {"exec": exec_fields(record, run, mounts, self._options)},
                tuple(inputs),
                record.platform,
                (record.instruction.lines,),
                _chain(record.layer),
            )
        )

    def _copy(self, record: StepRecord, copy: Copy | Add, below: int) -> int:
        base = NOTHING if copy.link else below
        inputs = list(_inputs(base))
        found = list(self._pieces(record, copy))
        for number, _ in found:
            if number != NOTHING and number not in inputs:
                inputs.append(number)
        actions = []
        for place, (number, fields) in enumerate(found):
            onto = (0 if base != NOTHING else -1) if not place else len(inputs) + place - 1
            last = place == len(found) - 1
            actions.append(
                {
                    "input": onto,
                    "secondaryInput": inputs.index(number) if number != NOTHING else -1,
                    "output": 0 if last else -1,
                    "Action": {"copy": fields},
                }
            )
        made = self._file(record, actions, inputs)
        if not copy.link or below == NOTHING:
            return made
        merge = {"merge": {"inputs": [{}, {"input": 1}]}}
        return self._add(Op(merge, (below, made), record.platform, (record.instruction.lines,), _chain(record.layer)))

    def _pieces(self, record: StepRecord, copy: Copy | Add) -> Iterator[tuple[int, dict[str, Any]]]:
        """What is copied: the operation that has it, and how."""
        destination = working_directory_of(record.config, copy.destination)
        if copy.destination.endswith(("/", "/.")) and destination != "/":
            destination += "/"
        tree = NOTHING
        for source in copy.sources:
            if isinstance(copy, Add) and (is_git(source) or source.startswith(_REMOTE)):
                number = self._remote(source, copy)
                name = "/" if is_git(source) else file_name(source)
                yield number, copy_fields(copy, name, destination, plain=True)
                continue
            if tree == NOTHING:
                if isinstance(copy, Copy) and copy.source_stage:
                    tree = self._source(self._work.plan.source(copy.source_stage), self._work.platform)
                else:
                    tree = self._context()
            yield tree, copy_fields(copy, source, destination)
        for file in copy.files:
            number = self._inline(file, record.platform, _INLINE_MODE)
            yield number, copy_fields(copy, file.name, destination, plain=True)

    def _inline(self, file: InlineFile, platform: Platform, mode: int) -> int:
        data = base64.b64encode(file.content.encode("utf-8", "surrogateescape")).decode()
        made = {"path": f"/{file.name}", "mode": mode, "data": data, "timestamp": -1}
        action = {"input": -1, "secondaryInput": -1, "output": 0, "Action": {"mkfile": made}}
        return self._add(Op({"file": {"actions": [action]}}, (), platform))

    def _file(self, record: StepRecord, actions: Sequence[dict[str, Any]], inputs: Sequence[int]) -> int:
        chain = () if isinstance(record.instruction, Copy | Add) and record.instruction.link else _chain(record.layer)
        fields = {"file": {"actions": list(actions)}}
        return self._add(Op(fields, tuple(inputs), record.platform, (record.instruction.lines,), chain))


def _range(lines: Lines) -> dict[str, Any]:
    """Lines of a file."""
    return {"start": {"line": lines[0]}, "end": {"line": lines[1]}}


def _inputs(number: int) -> tuple[int, ...]:
    return () if number == NOTHING else (number,)


def _chain(top: Layer | None) -> tuple[dict[str, Any], ...]:
    return tuple(to_json_object(each.packed.blob) for each in list(top.downwards())[::-1]) if top else ()


def _described(number: int, op: Op) -> dict[str, Any]:
    described: dict[str, Any] = {"Op": op.fields}
    if op.platform is not None:
        described["platform"] = platform_fields(op.platform)
    if op.fields:
        described["constraints"] = {}
    found: dict[str, Any] = {"id": f"step{number}", "op": described}
    if op.inputs:
        found["inputs"] = [f"step{each}:0" for each in op.inputs]
    return found
