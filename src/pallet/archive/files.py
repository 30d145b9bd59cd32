"""Read-only access to the files of an archive, by name, whether it is a tar or a directory."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Protocol

from pallet.content import CHUNK_SIZE
from pallet.errors import HostError, InvalidInput, NotFound, UnsafeArchive


class Piece(Protocol):
    """The bytes of one file. Several threads may read it at the same time."""

    @property
    def size(self) -> int:
        """How many bytes it has."""

    def chunks(self, offset: int = 0) -> Iterator[bytes]:
        """Its bytes from `offset` on."""


class Files(Protocol):
    """The files of an archive."""

    def find(self, name: str) -> Piece:
        """The file `name`, a path inside the archive.

        Raises:
            NotFound: there is no such regular file.
            UnsafeArchive: the name leads through a loop of symbolic links.
        """

    def close(self) -> None:
        """Let go of the archive; pieces cannot be read any more."""


class Extent:
    """A run of bytes in an open file."""

    def __init__(self, fd: int, start: int, size: int) -> None:
        self._fd = fd
        self._start = start
        self.size = size

    def chunks(self, offset: int = 0) -> Iterator[bytes]:
        """Its bytes from `offset` on.

        Raises:
            UnsafeArchive: the file ends before the run does.
        """
        while offset < self.size:
            chunk = os.pread(self._fd, min(CHUNK_SIZE, self.size - offset), self._start + offset)
            if not chunk:
                raise UnsafeArchive("invalid archive: it ends too early")
            offset += len(chunk)
            yield chunk


class Directory:
    """The files under a directory. Only for names pallet makes itself: symbolic links are followed."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)

    def find(self, name: str) -> Piece:
        """The file `name` under the directory."""
        path = os.path.join(self._path, name)
        try:
            found = os.stat(path)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFound(f"open {path}: no such file or directory") from error
        except OSError as error:
            raise HostError(f"open {path}: {error.strerror}") from error
        if not stat.S_ISREG(found.st_mode):
            raise NotFound(f"{path}: not a regular file")
        return _PathPiece(path, found.st_size)

    def close(self) -> None:
        """Nothing is held open."""


class _PathPiece:
    """A file that is opened when it is read."""

    def __init__(self, path: str, size: int) -> None:
        self._path = path
        self.size = size

    def chunks(self, offset: int = 0) -> Iterator[bytes]:
        try:
            # Not blocking: someone may have put a FIFO in the file's place.
            fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise HostError(f"open {self._path}: {error.strerror}") from error
        try:
            yield from Extent(fd, 0, self.size).chunks(offset)
        finally:
            os.close(fd)


class Memory:
    """Bytes that are in no file."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self._data)

    def chunks(self, offset: int = 0) -> Iterator[bytes]:
        """The bytes from `offset` on, at once."""
        if offset < len(self._data):
            yield self._data[offset:]


def read_whole(piece: Piece, limit: int, what: str) -> bytes:
    """All bytes of a small file.

    Args:
        piece: the file.
        limit: the most bytes it may have.
        what: the file's name for the error text.

    Raises:
        InvalidInput: it has more.
    """
    if piece.size > limit:
        raise InvalidInput(f"invalid archive: {what} has {piece.size} bytes, more than the {limit} allowed")
    return b"".join(piece.chunks())
