"""openat2(2), which Python 3.11 lacks."""

from __future__ import annotations

import ctypes
import errno
import os

_NUMBER = 437  # it is the same on all architectures

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def openat2(directory: int, path: str, flags: int, resolve: int) -> int:
    """Open a path; it is tried again for as long as the kernel asks for that.

    Args:
        directory: what the path is relative to.
        path: it.
        flags: as of open(2).
        resolve: RESOLVE_* flags.

    Raises:
        OSError: as open(2).
    """
    how = _OpenHow(flags, 0, resolve)
    name = os.fsencode(path)
    while True:
        fd = _libc.syscall(_NUMBER, directory, ctypes.c_char_p(name), ctypes.byref(how), ctypes.sizeof(how))
        if fd >= 0:
            return int(fd)
        # The kernel asks for another try if a directory was moved meanwhile.
        number = ctypes.get_errno()
        if number != errno.EAGAIN:
            raise OSError(number, os.strerror(number), path)
