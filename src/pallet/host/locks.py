"""Locks between processes: flock(2) on a file or directory.

The kernel frees such a lock when its holder dies, however it dies, so there are no stale locks and nothing to clean up.
Each lock is an open file of its own: two locks of one process exclude each other as two processes' do.
"""

from __future__ import annotations

import errno
import os
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock

from pallet.errors import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType


class FileLock:
    """A lock that is held until `release`, the end of its `with` block, or the death of this process.

    Args:
        fd: the open, locked file; closed with the lock.
    """

    __slots__ = ("fd",)

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def release(self) -> None:
        """Free the lock; a second call does nothing."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> FileLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def lock(path: str, *, shared: bool = False) -> FileLock:
    """Take the lock on `path`, waiting for it; the file is made if it is missing.

    Args:
        path: the file; its directory is made too. The file stays for good: nobody may remove or rename it.
        shared: whether others may hold it too.

    Raises:
        HostError: the file cannot be opened.
    """
    fd = _open(path)
    try:
        flock(fd, LOCK_SH if shared else LOCK_EX)
    except BaseException:
        os.close(fd)
        raise
    return FileLock(fd)


def try_lock(path: str, *, shared: bool = False) -> FileLock | None:
    """Take the lock on `path` if it is free right now, else give None.

    Raises:
        HostError: the file cannot be opened.
    """
    fd = _open(path)
    if try_flock(fd, shared=shared):
        return FileLock(fd)
    os.close(fd)
    return None


def try_flock(fd: int, *, shared: bool = False) -> bool:
    """Lock an open file or directory if that is possible right now; closing it frees the lock."""
    try:
        flock(fd, (LOCK_SH if shared else LOCK_EX) | LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise
    return True


def holders(path: str) -> list[tuple[int, str]]:
    """The processes that hold the lock on a file, with their command lines. Source: proc_locks(5)."""
    try:
        status = os.stat(path)
        with open("/proc/locks") as file:
            lines = [line.split() for line in file]
    except OSError:
        return []
    where = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    found = {}
    for words in lines:
        if words[1] == "FLOCK" and words[5] == where:  # those who wait have an arrow as their second word
            try:
                with open(f"/proc/{words[4]}/cmdline", "rb") as file:
                    found[int(words[4])] = " ".join(file.read().decode(errors="replace").split("\0")).strip()
            except OSError:
                continue
    return sorted(found.items())


def _open(path: str) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        try:
            return os.open(path, flags, 0o600)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            return os.open(path, flags, 0o600)
    except OSError as error:
        raise HostError(f"cannot open the lock {path}: {error.strerror}") from error
