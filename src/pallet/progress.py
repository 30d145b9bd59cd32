"""What a long operation reports while it works.

An operation calls `progress(event)`; the CLI draws the events as docker's lines or live bars, the HTTP API sends them
as JSON lines. The fields are those of docker's JSON messages (moby, pkg/jsonmessage).
"""

from __future__ import annotations

from _collections_abc import Callable  # what `collections.abc` is made of: that one imports all of `collections`


class Event:
    """One report.

    Args:
        status: docker's words: `Pulling fs layer`, `Download complete`, ...
        id: what it is about (a layer's first 12 hex digits, or a tag), empty for a line of its own.
        current: bytes done so far, for an event that only moves a bar.
        total: bytes in all, if known.
    """

    __slots__ = ("current", "id", "status", "total")

    def __init__(self, status: str, id: str = "", current: int | None = None, total: int | None = None) -> None:
        self.status = status
        self.id = id
        self.current = current
        self.total = total

    def __repr__(self) -> str:
        return f"Event({self.status!r}, {self.id!r}, {self.current}, {self.total})"


Progress = Callable[[Event], None]
"""Whoever listens."""


def silent(event: Event) -> None:
    """A listener that does not listen."""
