"""What load and import may be given, as the streams that the operations read."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import BinaryIO, cast

from pallet.content import CHUNK_SIZE
from pallet.errors import HostError
from pallet.layer.compress import Readable

Data = str | os.PathLike[str] | bytes | Readable | Iterable[bytes]
"""A path, the bytes themselves, a binary file or other object with `read`, or pieces of bytes one by one."""


class Chunks(io.RawIOBase):
    """A binary file over pieces of bytes."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks: Iterator[bytes] = iter(chunks)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: object, /) -> int:
        """Fill the buffer as far as the piece at hand goes; 0 at the end only.

        Raises:
            TypeError: a piece is not bytes.
        """
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        target = memoryview(cast("bytearray", buffer)).cast("B")
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def archive(data: Data) -> str | BinaryIO:
    """A path, or a file to read an archive from.

    Raises:
        TypeError: a text file, or nothing that can be read.
    """
    if isinstance(data, str | os.PathLike):
        return os.fspath(data)
    return cast("BinaryIO", _file(data))


def tar(source: Data, proxies: tuple[str, str, str]) -> AbstractContextManager[Readable]:
    """A file to read a tar from, as a context; only what was opened here is closed by it. URLs are downloaded.

    Args:
        source: what to read.
        proxies: as in `Settings`.

    Raises:
        TypeError: a text file, or nothing that can be read.
        HostError: the path cannot be opened.
        InvalidInput, Unavailable: from the download.
    """
    if not isinstance(source, str | os.PathLike):
        return nullcontext(_file(source))
    path = os.fspath(source)
    if "://" in path:
        from pallet.ops.download import Download

        return Download(path, proxies)
    try:
        return open(path, "rb", buffering=0)
    except OSError as error:
        raise HostError(f"open {path}: {(error.strerror or str(error)).lower()}") from error


def _file(data: bytes | Readable | Iterable[bytes]) -> io.IOBase | Chunks:
    if isinstance(data, bytes | bytearray):
        return io.BytesIO(data)
    if isinstance(data, io.TextIOBase):
        raise TypeError("a file must be opened in binary mode")
    if isinstance(data, io.IOBase):
        return data
    if hasattr(data, "read"):
        return Chunks(iter(lambda: data.read(CHUNK_SIZE), b""))
    return Chunks(data)
