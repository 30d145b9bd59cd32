"""`--progress rawjson`: what goes on in a build as JSON, a line each time something happens.

Source: BuildKit's client.SolveStatus, as buildx writes it: `vertexes` that begin or end, and `logs`. A step is known by
a digest; output has the stream 1, whichever it came from.
"""

from __future__ import annotations

import base64
import time

import msgspec

from pallet.digest import Digest
from pallet.ops.times import rfc3339_nano

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from pallet.build.events import BuildEvent


class Vertex(msgspec.Struct, frozen=True, omit_defaults=True):
    """A step; what it lacks yet, or does not have, is left out."""

    digest: str
    name: str
    started: str
    completed: str = ""
    cached: bool = False
    error: str = ""


class Log(msgspec.Struct, frozen=True):
    """What a step printed."""

    vertex: str
    stream: int
    data: str
    timestamp: str


class Status(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line."""

    vertexes: tuple[Vertex, ...] = ()
    logs: tuple[Log, ...] = ()


class RawPrinter:
    """Prints each event.

    Args:
        stream: where to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._started: dict[int, str] = {}

    def __call__(self, event: BuildEvent) -> None:
        """Print an event."""
        now = time.time_ns()
        digest = str(Digest.of(f"{event.step} {event.name}".encode("utf-8", "surrogateescape")))
        if event.kind == "log":
            data = base64.b64encode(event.text.encode("utf-8", "surrogateescape")).decode()
            self._print(Status(logs=(Log(digest, 1, data, rfc3339_nano(now)),)))
            return
        name = event.name.encode("utf-8", "backslashreplace").decode()
        started = self._started.setdefault(event.step, rfc3339_nano(now - int(event.seconds * 1e9)))
        error = {"failed": event.text, "canceled": "context canceled"}.get(event.kind, "")
        completed = "" if event.kind == "started" else rfc3339_nano(now)
        self._print(Status((Vertex(digest, name, started, completed, event.kind == "cached", error),)))

    def close(self) -> None:
        """There is nothing more to come."""
        self._stream.flush()

    def report(self) -> str:
        """Nothing: all has been said."""
        return ""

    def _print(self, status: Status) -> None:
        self._stream.write(msgspec.json.encode(status).decode() + "\n")
        self._stream.flush()
