"""Puts a stream into a file without a name, so that it can be read at any place and vanishes with the process."""

from __future__ import annotations

import os

from pallet.content import CHUNK_SIZE
from pallet.errors import HostError
from pallet.host.files import nameless_file, write_all
from pallet.layer.compress import Readable


def spool(stream: Readable, directory: str) -> tuple[int, int]:
    """Copy all of `stream` to a new nameless file in `directory`.

    Returns:
        The open file, which the caller closes, and its size in bytes.

    Raises:
        HostError: the disk does not take it.
    """
    try:
        fd = nameless_file(directory)
        size = 0
        try:
            while chunk := stream.read(CHUNK_SIZE):
                write_all(fd, chunk)
                size += len(chunk)
        except BaseException:
            os.close(fd)
            raise
        return fd, size
    except OSError as error:
        raise HostError(f"cannot copy the archive to {directory}: {error.strerror or error}") from error
