"""A container's log in several files: `log` is written, `log.1` was before it, then `log.2`, or `log.2.gz`, ...

Whoever rotates renames `log`, and has conmon open a new one; conmon writes on to the old one until it has, so that
nothing is lost. The youngest of the old files is never compressed: whoever follows the log finds the file it reads
among them for a whole rotation.

Source: conmon, src/ctrl.c (order 2 reopens the log).
"""

from __future__ import annotations

import errno
import os
import time

from pallet.host.files import unlink_if_there
from pallet.runtime.paths import ContainerPaths

_REOPEN = b"2 0 0\n"
_PATIENCE = 2.0  # seconds for conmon to open a new log
_MOST = 1000


def older(path: str) -> list[str]:
    """The files before `path`, the youngest first."""
    found = []
    for number in range(1, _MOST):
        plain = f"{path}.{number}"
        name = plain if os.path.exists(plain) else f"{plain}.gz"
        if name != plain and not os.path.exists(name):
            break
        found.append(name)
    return found


class LogFile:
    """An open log file.

    Attributes:
        fd: open for reading; of a compressed file, its content.
        identity: the file's device and inode, which stay when it is renamed.
    """

    __slots__ = ("fd", "identity")

    def __init__(self, path: str) -> None:
        """Open a file. Raises FileNotFoundError: it is gone."""
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        status = os.fstat(fd)
        self.identity = (status.st_dev, status.st_ino)
        self.fd = fd
        if path.endswith(".gz"):
            try:
                self.fd = _inflated(fd)
            finally:
                os.close(fd)

    def after(self, path: str) -> str:
        """The name of the file that follows this one; empty if it is the one that is written, `path`."""
        younger = ""
        for name in (path, *older(path)):
            try:
                there = os.stat(name)
            except FileNotFoundError:
                there = None
            if there is not None and (there.st_dev, there.st_ino) == self.identity:
                return younger
            younger = name
        return path  # conmon began anew, or it was removed

    def is_oldest(self, path: str) -> bool:
        """Whether no file was before this one."""
        try:
            there = os.stat((path, *older(path))[-1])
        except FileNotFoundError:
            return False
        return (there.st_dev, there.st_ino) == self.identity

    def close(self) -> None:
        """Close it."""
        os.close(self.fd)


def _inflated(compressed: int) -> int:
    import gzip
    import shutil

    fd = os.memfd_create("log")
    with open(compressed, "rb", closefd=False) as raw, gzip.open(raw) as source, open(fd, "wb", closefd=False) as out:
        shutil.copyfileobj(source, out, 1 << 18)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def rotate(paths: ContainerPaths, files: int, *, compress: bool) -> None:
    """Put the log aside and have conmon begin another.

    Args:
        paths: the container's paths.
        files: how many files there may be, the new one included; 2 at least.
        compress: whether all but the youngest of the old ones are compressed.

    Raises:
        OSError: the disk is full, ...
    """
    log = paths.log
    if os.path.exists(log):
        old = older(log)
        for number in range(len(old), 0, -1):
            name = old[number - 1]
            if number >= files - 1:
                unlink_if_there(name)
                continue
            if compress and not name.endswith(".gz"):
                name = _compressed(name)
            os.rename(name, f"{log}.{number + 1}" + (".gz" if name.endswith(".gz") else ""))
        os.rename(log, f"{log}.1")
    _reopen(paths)


def _compressed(name: str) -> str:
    import gzip
    import shutil

    fresh = f"{name}.gz.new"
    with open(name, "rb") as source, gzip.open(fresh, "wb", compresslevel=5) as target:
        shutil.copyfileobj(source, target, 1 << 18)
    os.rename(fresh, f"{name}.gz")
    os.unlink(name)
    return f"{name}.gz"


def _reopen(paths: ContainerPaths) -> None:
    """Tell conmon; one that has just ended needs no new log."""
    try:
        fd = os.open(paths.ctl, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.ENOENT):
            return
        raise
    try:
        os.write(fd, _REOPEN)
    finally:
        os.close(fd)
    end = time.monotonic() + _PATIENCE
    while not os.path.exists(paths.log) and time.monotonic() < end:
        time.sleep(0.002)
