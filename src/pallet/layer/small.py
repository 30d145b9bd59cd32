"""A small layer that becomes an image is made by this process: a worker's start would take longer than all the rest.

Nothing is given up by that: what the tar of an image names is never opened, only the image is written; and the tar
comes as it is, so that nothing is inflated here.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import sha256
from types import TracebackType

from pallet.errors import HostError
from pallet.host.files import write_all
from pallet.layer.erofs.build import build_image
from pallet.layer.erofs.ondisk import HEADER
from pallet.layer.unpack import UnpackJob
from pallet.layer.unpacked import Unpacked

_SMALL = 8 << 20  # bytes; a worker has begun by the time that much is read


class SmallImageJob:
    """Takes a layer's tar, and makes an image of it at its end; a tar that turns out large goes on to a worker.

    One thread at a time writes; methods and errors as those of `UnpackJob`.
    """

    def __init__(self, target: str, *, base: bool, keep: int, apart: bool, known: str, start: Callable[[], UnpackJob]):
        """
        Args:
            target: the image, which does not exist yet.
            base: it is an image's first layer.
            keep: an open file that the tar is put into; -1 for none.
            apart: the image is to do without the tar, which is a file of its own.
            known: the digest of the tar, in hex, if somebody else verifies it.
            start: has a worker do all this.
        """
        self._target = target
        self._base = base
        self._keep = keep
        self._apart = apart
        self._known = known
        self._start = start
        self._chunks: list[bytes] = []
        self._size = 0
        self._job: UnpackJob | None = None

    def __enter__(self) -> SmallImageJob:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.abort()

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        """Take the next bytes of the tar."""
        if self._job is not None:
            self._job.write(data)
            return
        if not data:
            return
        self._chunks.append(bytes(data))
        self._size += len(data)
        if self._size > _SMALL:
            self._job = self._start()
            while self._chunks:
                self._job.write(self._chunks.pop(0))

    def finish(self) -> Unpacked:
        """Say that the tar is complete, and have the result."""
        if self._job is not None:
            return self._job.finish()
        try:
            image = os.open(self._target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                tar = _Tar(self._chunks, self._known)
                if self._keep >= 0:
                    tar.copy(self._keep, 0)
                if not self._apart:
                    tar.copy(image, HEADER)
                return build_image(tar, image, base=self._base, apart=self._keep if self._apart else None)
            finally:
                os.close(image)
        except OSError as error:
            raise HostError(f"cannot write an image of the layer: {error.strerror}") from error

    def abort(self) -> None:
        """End the job, whatever its state."""
        self._chunks.clear()
        if self._job is not None:
            self._job.abort()


class _Tar:
    """A tar in memory, as `build_image` wants one."""

    def __init__(self, chunks: list[bytes], known: str) -> None:
        self._chunks = chunks
        self._known = known
        self._unread = iter(chunks)
        self.size = sum(map(len, chunks))

    def copy(self, fd: int, start: int) -> None:
        """Write all of it to a file, from this byte on."""
        os.lseek(fd, start, os.SEEK_SET)
        for chunk in self._chunks:
            write_all(fd, chunk)

    def digest(self) -> bytes:
        if self._known:
            return bytes.fromhex(self._known)
        hasher = sha256()
        for chunk in self._chunks:
            hasher.update(chunk)
        return hasher.digest()

    def read(self, size: int, /) -> bytes:
        return next(self._unread, b"")

    def drain(self) -> None:
        """There is nothing to wait for."""
