"""Blobs on their way in: hashed and counted as the bytes pass, visible only when they are right."""

from __future__ import annotations

import os
import time
from hashlib import sha256

from pallet.content import CHUNK_SIZE
from pallet.digest import Digest
from pallet.errors import HostError, Integrity
from pallet.host.files import EarlyWriteback, unlink_if_there, write_all
from pallet.host.locks import try_flock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from pallet.oci.descriptor import Descriptor
    from pallet.store.blobs import Blobs

_POLL = 0.05  # seconds between looks at a blob that somebody else takes in
_OPEN = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class Ingest:
    """One blob of known digest, arriving; see `Blobs.ingest`. As a context it closes itself, keeping what it has.

    Attributes:
        done: the blob is here already: there is nothing to write, `commit` does nothing.
        offset: bytes that are here already; the next `write` goes on there. They are hashed, not yet verified: whether
            they are right shows in `commit`.
    """

    def __init__(self, blobs: Blobs, descriptor: Descriptor, path: str, waiting: Callable[[], None] | None) -> None:
        self._blobs = blobs
        self._path = path
        self.digest = descriptor.digest
        self.size = descriptor.size
        self.offset = 0
        self.done = False
        self._hasher = sha256()
        self._fd = -1
        self._take(waiting)
        self._writeback = EarlyWriteback(self._fd)

    def existing(self) -> Iterator[bytes]:
        """The bytes before `offset` (of a blob that is `done`: all), for whoever unpacks the blob while it arrives."""
        fd = os.open(self._blobs.path(self.digest) if self.done else self._path, os.O_RDONLY | os.O_CLOEXEC)
        with open(fd, "rb", buffering=0) as file:
            left = self.size if self.done else self.offset
            while left > 0 and (piece := file.read(min(CHUNK_SIZE, left))):
                left -= len(piece)
                yield piece

    def write(self, chunk: bytes | bytearray | memoryview) -> None:
        """Take the next bytes.

        Raises:
            Integrity: more bytes than the descriptor promises; what was written is dropped.
            HostError: the disk is full, ...
        """
        if self.offset + len(chunk) > self.size:
            self._drop()
            raise Integrity(f"{self.digest}: more than the promised {self.size} bytes")
        self._hasher.update(chunk)
        try:
            write_all(self._fd, chunk)
        except OSError as error:
            raise HostError(f"cannot write blob {self.digest}: {error.strerror}") from error
        self.offset += len(chunk)
        self._writeback.reached(self.offset)

    def commit(self) -> None:
        """Verify what arrived and make it a blob; nothing happens if it is one.

        Raises:
            Integrity: too few bytes (they are kept: more may come), or the wrong ones (they are dropped).
            HostError: the disk is full, ...
        """
        if self.done:
            return
        if self.offset != self.size:
            raise Integrity(f"{self.digest}: got {self.offset} bytes instead of {self.size}")
        found = self._hasher.hexdigest()
        if found != self.digest.hex:
            self._drop()
            raise Integrity(f"{self.digest}: the content has the digest sha256:{found}")
        self._blobs.admit(self._fd, self._path, self.digest)
        self.done = True
        self.close()

    def close(self) -> None:
        """Stop; what arrived is kept for the next run. Nothing happens the second time."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            if self.offset == 0 and not self.done:
                unlink_if_there(self._path)  # while it is locked: whoever waits for it looks again
            os.close(fd)

    def discard(self) -> None:
        """Stop, and drop what arrived."""
        if not self.done:
            self.offset = 0
        self.close()

    def __enter__(self) -> Ingest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take(self, waiting: Callable[[], None] | None) -> None:
        """Become the one that takes the blob in, or find that it is here."""
        while not self._blobs.has(self.digest):
            try:
                fd = os.open(self._path, _OPEN, 0o600)
            except OSError as error:
                raise HostError(f"cannot open {self._path}: {error.strerror}") from error
            try:
                # Whoever held it may have committed or dropped the file between our open and our lock.
                locked = try_flock(fd)
                if locked and _is_still(fd, self._path):
                    self._fd = fd
                    self._resume()
                    return
            except BaseException:
                self._fd = -1
                os.close(fd)
                raise
            os.close(fd)
            if not locked:
                if waiting is not None:
                    waiting()
                time.sleep(_POLL)
        self.done = True
        self.offset = self.size

    def _resume(self) -> None:
        """Hash what an earlier run left; drop it if it cannot be right."""
        there = os.fstat(self._fd).st_size
        if there > self.size:
            self._drop()
            return
        while self.offset < there and (piece := os.read(self._fd, CHUNK_SIZE)):
            self._hasher.update(piece)
            self.offset += len(piece)
        if self.offset == self.size and self._hasher.hexdigest() != self.digest.hex:
            self._drop()

    def _drop(self) -> None:
        os.ftruncate(self._fd, 0)
        os.lseek(self._fd, 0, os.SEEK_SET)
        self._hasher = sha256()
        self.offset = 0


class NewBlob:
    """One blob of unknown digest, arriving; see `Blobs.new`. As a context it drops what was not committed.

    Attributes:
        path: where it is.
        size: bytes written so far.
    """

    def __init__(self, blobs: Blobs, path: str) -> None:
        self._blobs = blobs
        self.path = path
        self._hasher = sha256()
        self.size = 0
        self._result: tuple[Digest, int] | None = None
        try:
            self._fd = os.open(path, _OPEN | os.O_EXCL, 0o600)
        except OSError as error:
            raise HostError(f"cannot make {path}: {error.strerror}") from error
        try_flock(self._fd)  # tells a sweep that somebody is writing
        self._writeback = EarlyWriteback(self._fd)

    def write(self, chunk: bytes | bytearray | memoryview) -> int:
        """Take the next bytes; gives their number, as a file's `write` does.

        Raises:
            HostError: the disk is full, ...
        """
        self._hasher.update(chunk)
        try:
            write_all(self._fd, chunk)
        except OSError as error:
            raise HostError(f"cannot write a blob: {error.strerror}") from error
        self.size += len(chunk)
        self._writeback.reached(self.size)
        return len(chunk)

    def fileno(self) -> int:
        """The open file, for a worker of ours that writes the blob in our place; then it ends with `adopt`."""
        return self._fd

    def commit(self) -> tuple[Digest, int]:
        """Make it a blob; gives its digest and its size in bytes, the second time too.

        Raises:
            HostError: the disk is full, ...
        """
        if self._result is None:
            self.adopt(Digest("sha256:" + self._hasher.hexdigest()), self.size)
        assert self._result is not None
        return self._result

    def adopt(self, digest: Digest, size: int) -> None:
        """Make it a blob of a digest and size that whoever wrote the file has found.

        Raises:
            Integrity: the file has another size.
            HostError: the disk is full, ...
        """
        there = os.fstat(self._fd).st_size
        if there != size:
            raise Integrity(f"{digest}: {there} bytes were written instead of {size}")
        self._blobs.admit(self._fd, self.path, digest)
        self.path = self._blobs.path(digest)
        self._result = digest, size
        self._close()

    def abort(self) -> None:
        """Drop what was written, unless it was committed."""
        if self._fd >= 0:
            unlink_if_there(self.path)
            self._close()

    def __enter__(self) -> NewBlob:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


class Partial:
    """A file of the ingest directory.

    Attributes:
        path: where it is.
        size: its bytes.
        changed: when it was last written, nanoseconds since the epoch.
        digest: of the blob it is to become, if that is known.
    """

    __slots__ = ("changed", "digest", "path", "size")

    def __init__(self, path: str, size: int, changed: int, digest: Digest | None) -> None:
        self.path = path
        self.size = size
        self.changed = changed
        self.digest = digest

    kind = "partial"

    @property
    def name(self) -> str:
        """Its file name."""
        return os.path.basename(self.path)

    def remove(self) -> bool:
        """Remove it, unless somebody is writing it; tell whether it is gone."""
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return True
        try:
            if not try_flock(fd):
                return False
            if _is_still(fd, self.path):
                unlink_if_there(self.path)
            return True
        finally:
            os.close(fd)


def look_at(directory: str, name: str) -> Partial | None:
    """What is known about a file of the ingest directory; None if it is gone."""
    path = os.path.join(directory, name)
    try:
        status = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return None
    digest = Digest("sha256:" + name) if len(name) == 64 else None
    return Partial(path, status.st_size, status.st_mtime_ns, digest)


def _is_still(fd: int, path: str) -> bool:
    try:
        named = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    held = os.fstat(fd)
    return (named.st_ino, named.st_dev) == (held.st_ino, held.st_dev)
