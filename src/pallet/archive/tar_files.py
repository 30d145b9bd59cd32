"""The files inside a tar, found by reading its headers once and never unpacked.

Names, links and sizes come from whoever made the tar. They are only keys of a dictionary here: no path of the host is
made from them. What the headers may cost in memory is limited.
"""

from __future__ import annotations

import os
import re
import tarfile

from pallet.archive.files import Extent, Piece
from pallet.errors import InvalidInput, NotFound, UnsafeArchive

HEADER_LIMIT = 64 * 1024
"""The most header bytes (long names, PAX records) one entry may have."""

HEADERS_LIMIT = 32 * 1024 * 1024
"""The most header bytes all entries together may have."""

_GLOBAL_RECORDS = 64
_LONGEST_NAME = 4096
_MOST_LINKS = 40  # as the kernel
# Older tarfile modules take quadratic time to parse PAX records with long runs of digits (CVE-2024-6232).
_DIGITS = re.compile(rb"[0-9]{300}")


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
            InvalidInput: not a tar, or a damaged one.
            UnsafeArchive: an entry that points outside, or headers out of all proportion.
        """
        self._fd = fd
        self._entries: dict[str, Extent | _Link] = {}
        headers = _Headers(fd, start)
        try:
            tar = tarfile.open(fileobj=headers, mode="r:")  # type: ignore[call-overload]
            while (member := tar.next()) is not None:
                self._add(member, start)
                headers.next_entry()
                tar.members.clear()
                if len(tar.pax_headers) > _GLOBAL_RECORDS:
                    raise UnsafeArchive("invalid archive: too many global PAX records")
        except (tarfile.TarError, ValueError, ArithmeticError, LookupError, RecursionError) as error:
            raise InvalidInput(f"invalid archive: not a tar, or a damaged one: {error}") from error
        if os.pread(fd, tarfile.BLOCKSIZE, start + tar.offset).strip(b"\0"):
            raise InvalidInput("invalid archive: not a tar, or a damaged one: invalid tar header")

    def _add(self, member: tarfile.TarInfo, start: int) -> None:
        name = _clean(member.name)
        if member.size < 0 or member.offset_data < 0:
            raise UnsafeArchive(f"invalid archive: the entry {name!r} has a negative size")
        if member.issym():
            if len(member.linkname) > _LONGEST_NAME:
                raise UnsafeArchive(f"invalid archive: the link {name!r} is too long")
            self._entries[name] = _Link(member.linkname)
        elif member.islnk():
            target = self._entries.get(_clean(member.linkname))
            if target is not None:
                self._entries[name] = target
        elif member.isreg():
            if member.issparse():
                raise UnsafeArchive(f"invalid archive: the entry {name!r} is stored as a sparse file")
            self._entries[name] = Extent(self._fd, start + member.offset_data, member.size)

    def find(self, name: str) -> Piece:
        """The file `name`; links are followed inside the tar, `..` and `/` stop at its root."""
        if len(name) > _LONGEST_NAME:
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
        raise UnsafeArchive(f"invalid archive: the entry {name!r} points outside of it")
    if len(name) > _LONGEST_NAME:
        raise UnsafeArchive("invalid archive: an entry's name is too long")
    return "/".join(parts)


class _Headers:
    """The view `tarfile` gets of the file: it may read headers, within the limits, and nothing else."""

    def __init__(self, fd: int, start: int) -> None:
        self._fd = fd
        self._start = start
        self._at = 0
        self._entry_left = HEADER_LIMIT
        self._left = HEADERS_LIMIT

    def next_entry(self) -> None:
        """The next reads are for another entry."""
        self._entry_left = HEADER_LIMIT

    def read(self, size: int) -> bytes:
        if size > self._entry_left or size > self._left:
            raise UnsafeArchive("invalid archive: its headers are too large")
        self._entry_left -= size
        self._left -= size
        data = b""
        while len(data) < size and (more := os.pread(self._fd, size - len(data), self._start + self._at)):
            data += more
            self._at += len(more)
        if size > tarfile.BLOCKSIZE and _DIGITS.search(data):
            raise UnsafeArchive("invalid archive: its headers hold numbers without end")
        return data

    def seek(self, offset: int) -> None:
        self._at = offset

    def tell(self) -> int:
        return self._at
