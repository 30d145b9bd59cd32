"""Puts a stream into a file without a name, so that it can be read at any place and vanishes with the process."""

from __future__ import annotations

import os
import tempfile

from pallet.content import CHUNK_SIZE
from pallet.errors import HostError
from pallet.layer.compress import Readable


def spool(stream: Readable, directory: str) -> tuple[int, int]:
    """Copy all of `stream` to a new nameless file in `directory`.

    Returns:
        The open file, which the caller closes, and its size in bytes.

    Raises:
        HostError: the disk does not take it.
    """
    try:
        with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
            size = 0
            while chunk := stream.read(CHUNK_SIZE):
                size += len(chunk)
                _write(file.fileno(), chunk)
            return os.dup(file.fileno()), size
    except OSError as error:
        raise HostError(f"cannot copy the archive to {directory}: {error.strerror or error}") from error


def _write(fd: int, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(fd, rest) :]
