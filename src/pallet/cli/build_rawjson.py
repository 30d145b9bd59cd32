"""`--progress rawjson`: what goes on in a build as JSON, a line each time something happens.

Source: BuildKit's client.SolveStatus, as buildx writes it: `vertexes` that begin or end, `statuses` of their parts,
`logs` and `warnings`. A step is known by a digest; output has the stream 1, whichever it came from.
"""

from __future__ import annotations

import time

import msgspec

from pallet.digest import Digest
from pallet.ops.times import rfc3339_nano

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from pallet.build.events import BuildEvent

_NANOSECONDS = 1_000_000_000


class Vertex(msgspec.Struct, frozen=True, omit_defaults=True):
    """A step; what it lacks yet, or does not have, is left out."""

    digest: str
    inputs: tuple[str, ...] = ()
    name: str = ""
    started: str = ""
    completed: str = ""
    cached: bool = False
    error: str = ""


class Part(msgspec.Struct, frozen=True):
    """How far a part of a step is."""

    id: str
    vertex: str
    name: str | msgspec.UnsetType
    total: int | msgspec.UnsetType
    current: int
    timestamp: str
    started: str
    completed: str | msgspec.UnsetType


class Log(msgspec.Struct, frozen=True):
    """What a step printed."""

    vertex: str
    stream: int
    data: bytes
    timestamp: str


class Position(msgspec.Struct, frozen=True):
    """A line."""

    line: int


class Range(msgspec.Struct, frozen=True):
    """Some lines, the last one with them."""

    start: Position
    end: Position


class SourceInfo(msgspec.Struct, frozen=True):
    """The file that a warning is about."""

    filename: str
    language: str = "Dockerfile"


class Warning(msgspec.Struct, frozen=True, rename="camel"):
    """What the linter found."""

    vertex: str
    level: int
    short: bytes
    url: str
    source_info: SourceInfo
    range: tuple[Range, ...]


class Status(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line."""

    vertexes: tuple[Vertex, ...] = ()
    statuses: tuple[Part, ...] = ()
    logs: tuple[Log, ...] = ()
    warnings: tuple[Warning, ...] = ()


class RawPrinter:
    """Prints each event.

    Args:
        stream: where to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._vertexes: dict[int, Vertex] = {}
        self._begun: dict[tuple[int, str], str] = {}  # when parts of steps began

    def __call__(self, event: BuildEvent) -> None:
        """Print an event."""
        now = time.time_ns()
        begun = self._vertexes.get(event.step)
        if begun is None:
            digest = str(Digest.of(f"{event.step} {event.name}".encode("utf-8", "surrogateescape")))
            name = event.name.encode("utf-8", "backslashreplace").decode()
            inputs = tuple(self._vertexes[number].digest for number in event.inputs)
            begun = self._vertexes[event.step] = Vertex(digest, inputs, name, _time(now, event.seconds))
        if event.kind == "started":
            self._print(Status((begun,)))
        elif event.kind == "log":
            data = event.text.encode("utf-8", "surrogateescape")
            self._print(Status(logs=(Log(begun.digest, 1, data, _time(now)),)))
        elif event.warning is not None:
            found = event.warning
            lines = Range(Position(found.lines[0]), Position(found.lines[1]))
            short = event.text.encode("utf-8", "surrogateescape")
            source = SourceInfo(found.file)
            self._print(Status(warnings=(Warning(begun.digest, 1, short, found.address, source, (lines,)),)))
        elif event.status is not None:
            part = event.status
            done = Part(
                part.id,
                begun.digest,
                part.doing or msgspec.UNSET,
                part.total or msgspec.UNSET,
                part.current,
                _time(now),
                self._begun.setdefault((event.step, part.id), _time(now, part.seconds)),
                _time(now) if part.over else msgspec.UNSET,
            )
            self._print(Status(statuses=(done,)))
        else:
            error = {"failed": event.text, "canceled": "context canceled"}.get(event.kind, "")
            ended = msgspec.structs.replace(begun, completed=_time(now), cached=event.kind == "cached", error=error)
            self._print(Status((ended,)))

    def close(self) -> None:
        """There is nothing more to come."""
        self._stream.flush()

    def report(self) -> str:
        """Nothing: all has been said."""
        return ""

    def _print(self, status: Status) -> None:
        self._stream.write(msgspec.json.encode(status).decode() + "\n")
        self._stream.flush()


def _time(now: int, ago: float = 0.0) -> str:
    return rfc3339_nano(now - int(ago * _NANOSECONDS))
