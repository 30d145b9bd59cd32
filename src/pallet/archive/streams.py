"""Byte streams in the two shapes that meet here: iterators of chunks, and objects with `read` or `write`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class Output(Protocol):
    """A binary stream that takes bytes: a file, a pipe, a socket's file, a buffer."""

    def write(self, data: bytes | memoryview, /) -> int | None: ...


class ChunkReader:
    """`read` over an iterator of chunks."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; b"" at the end only."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._rest = chunk
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


def write_all(stream: Output, data: bytes | bytearray | memoryview) -> None:
    """Write all of `data`, also to a raw stream that takes only part of it at a time."""
    rest = memoryview(data)
    while rest:
        taken = stream.write(rest)
        if taken is None:
            return
        rest = rest[taken:]
