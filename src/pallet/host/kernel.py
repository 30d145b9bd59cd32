"""The system calls for mounts, namespaces and in-root paths that Python 3.11 lacks.

They go through libc by ctypes, which is loaded before a fork, so that a child calls nothing but them.
Sources: mount(2), umount2(2), unshare(2), setns(2), openat2(2).
"""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000
MS_RDONLY = 1
MS_BIND = 1 << 12
MS_REC = 1 << 14
MS_SLAVE = 1 << 19
MNT_DETACH = 2
_OPENAT2 = 437  # the number is the same on all architectures
_RESOLVE_IN_ROOT = 0x10

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)
_libc.umount2.argtypes = (ctypes.c_char_p, ctypes.c_int)
_libc.syscall.restype = ctypes.c_long


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """mount(2). Raises OSError, which names the target."""
    words = (os.fsencode(source), os.fsencode(target), kind.encode() or None)
    if _libc.mount(*words, flags, os.fsencode(data) or None) != 0:
        raise _error(target)


def unmount(target: str) -> None:
    """umount2(2), lazily. Raises OSError."""
    if _libc.umount2(os.fsencode(target), MNT_DETACH) != 0:
        raise _error(target)


def unshare(flags: int) -> None:
    """unshare(2) for the calling thread. Raises OSError."""
    if _libc.unshare(flags) != 0:
        raise _error("unshare")


def setns(fd: int, kind: int) -> None:
    """setns(2) for the calling thread. Raises OSError."""
    if _libc.setns(fd, kind) != 0:
        raise _error("setns")


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
        if ctypes.get_errno() != 11:
            raise _error(path)


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


def _error(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), what)
