"""Paths as a process with another root would see them: openat2(2), which Python 3.11 lacks."""

from __future__ import annotations

import ctypes
import errno
import os

_OPENAT2 = 437  # the number is the same on all architectures
_RESOLVE_IN_ROOT = 0x10

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def open_in_root(root: int, path: str, flags: int) -> int:
    """Open a path below an open directory as a process with this root would see it; symlinks cannot lead out.

    Raises:
        OSError: as open(2).
    """
    how = _OpenHow(flags | os.O_CLOEXEC, 0, _RESOLVE_IN_ROOT)
    name = os.fsencode(path)
    while True:
        fd = _libc.syscall(_OPENAT2, root, ctypes.c_char_p(name), ctypes.byref(how), ctypes.sizeof(how))
        if fd >= 0:
            return int(fd)
        # The kernel asks for another try if a directory was moved meanwhile.
        number = ctypes.get_errno()
        if number != errno.EAGAIN:
            raise OSError(number, os.strerror(number), path)


def read_in_root(root: int, path: str, limit: int = 4 << 20) -> bytes:
    """The content of a file in a root; empty if it is missing or no regular file that opens at once."""
    try:
        fd = open_in_root(root, path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:
        return b""
    with open(fd, "rb", buffering=0) as file:
        try:
            return file.read(limit) or b""
        except OSError:
            return b""


def make_directories_in_root(root: int, path: str, mode: int = 0o755) -> None:
    """Make a directory and its missing parents, seen from a root. Raises OSError."""
    made = ""
    for part in path.split("/"):
        if part in ("", "."):
            continue
        parent = open_in_root(root, made or ".", os.O_PATH | os.O_DIRECTORY)
        made += "/" + part
        try:
            os.close(open_in_root(root, made, os.O_PATH | os.O_DIRECTORY))
        except FileNotFoundError:
            os.mkdir(part, mode, dir_fd=parent)
        finally:
            os.close(parent)
