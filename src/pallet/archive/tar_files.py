"""The files inside a tar, found by reading its headers once and never unpacked.

Names, links and sizes come from whoever made the tar. They are only keys of a dictionary here: no path of the host is
made from them. What the headers may cost in memory is limited.
"""

from __future__ import annotations

import os

from pallet.archive.files import Extent, Piece
from pallet.errors import Integrity, InvalidInput, NotFound, UnsafeArchive
from pallet.layer import tarformat as tf
from pallet.layer.tarread import TarEntry, TarReader, docker_text

HEADERS_LIMIT = 32 * 1024 * 1024
"""The most bytes that the names and headers of all entries may have together."""

_AHEAD = 4096  # bytes: a header, and small files that need no jump
_MOST_LINKS = 40  # as the kernel


class _Link(str):
    """Where a symbolic link points."""

    __slots__ = ()


class TarFiles:
    """The files of a plain tar in an open, seekable file."""

    def __init__(self, fd: int, start: int = 0) -> None:
        """Read the headers.

        Args:
            fd: the open file, closed by `close`.
            start: where in the file the tar begins, in bytes.

        Raises:
            InvalidInput: not a tar, or a damaged one, in docker's words.
            UnsafeArchive: an entry that points outside, or headers out of all proportion.
        """
        self._fd = fd
        self._entries: dict[str, Extent | _Link] = {}
        self._left = HEADERS_LIMIT
        source = _Source(fd, start)
        reader = TarReader(source, source.jump)
        try:
            for entry in reader:
                self._add(entry, start + reader.offset)
        except UnsafeArchive as error:
            raise UnsafeArchive(f"invalid archive: {error.message}") from error
        except Integrity as error:
            raise InvalidInput(docker_text(error)) from error

    def _add(self, entry: TarEntry, at: int) -> None:
        self._left -= tf.BLOCK + len(entry.name) + len(entry.linkname)
        if self._left < 0:
            raise UnsafeArchive("its headers are too large")
        name = _clean(os.fsdecode(entry.name))
        if entry.type == tf.SYMLINK:
            self._entries[name] = _Link(os.fsdecode(entry.linkname))
        elif entry.type == tf.HARD_LINK:
            target = self._entries.get(_clean(os.fsdecode(entry.linkname)))
            if target is not None:
                self._entries[name] = target
        elif entry.type == tf.REGULAR:
            if entry.sparse is not None:
                raise UnsafeArchive(f"the entry {name!r} is stored as a sparse file")
            self._entries[name] = Extent(self._fd, at, entry.size)

    def find(self, name: str) -> Piece:
        """The file `name`; links are followed inside the tar, `..` and `/` stop at its root."""
        if len(name) >= tf.MAX_PATH:
            raise NotFound("invalid archive: a file name in it is too long")
        done: list[str] = []
        pending = name.split("/")[::-1]
        links = 0
        while pending:
            part = pending.pop()
            if part in ("", "."):
                continue
            if part == "..":
                del done[-1:]
                continue
            done.append(part)
            entry = self._entries.get("/".join(done))
            if not isinstance(entry, _Link):
                continue
            links += 1
            if links > _MOST_LINKS:
                raise UnsafeArchive(f"invalid archive: open {name}: too many levels of symbolic links")
            done = [] if entry.startswith("/") else done[:-1]
            pending.extend(entry.split("/")[::-1])
        entry = self._entries.get("/".join(done))
        if not isinstance(entry, Extent):
            raise NotFound(f"invalid archive: open {name}: no such file or directory")
        return entry

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


def _clean(name: str) -> str:
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts:
        raise UnsafeArchive(f"the entry {name!r} points outside of it")
    return "/".join(parts)


class _Source:
    """The file, as `TarReader` reads and jumps through it."""

    def __init__(self, fd: int, start: int) -> None:
        self._fd = fd
        self._at = start
        self._end = os.fstat(fd).st_size

    def read(self, size: int, /) -> bytes:
        data = os.pread(self._fd, min(size, _AHEAD), self._at)
        self._at += len(data)
        return data

    def jump(self, size: int) -> None:
        if size > self._end - self._at:
            raise Integrity(f"the tar ends {size - (self._end - self._at)} bytes before the end of a file's data")
        self._at += size
