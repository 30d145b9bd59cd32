"""mount(2), umount2(2), unshare(2), setns(2) by ctypes, for Python 3.11 has none of them; and overlays.

Transient mounts (export, commit, a layer applied onto its parents) belong into `run_in_mount_namespace`: the kernel
takes them away with the thread that made them, so that not even SIGKILL leaves one behind.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from pallet.errors import HostError

_T = TypeVar("_T")

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MS_SLAVE = 0x80000

MNT_DETACH = 0x2

CLONE_FS = 0x200
CLONE_NEWNS = 0x20000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000

# The numbers are the same on all architectures.
_OPEN_TREE = 428
_MOVE_MOUNT = 429
_OPEN_TREE_CLONE = 0x1
_OPEN_TREE_CLOEXEC = os.O_CLOEXEC
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_MOVE_MOUNT_F_EMPTY_PATH = 0x4

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.mount.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)
_libc.umount2.argtypes = (ctypes.c_char_p, ctypes.c_int)
_libc.unshare.argtypes = (ctypes.c_int,)
_libc.setns.argtypes = (ctypes.c_int, ctypes.c_int)


def _check(result: int, path: str | None = None) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)


def mount(source: str | None, target: str, fstype: str | None, flags: int = 0, options: str | None = None) -> None:
    """mount(2).

    Raises:
        OSError: as the kernel says.
    """
    words = (None if word is None else os.fsencode(word) for word in (source, target, fstype))
    _check(_libc.mount(*words, flags, None if options is None else os.fsencode(options)), target)


def unmount(target: str, flags: int = 0) -> None:
    """umount2(2).

    Raises:
        OSError: as the kernel says.
    """
    _check(_libc.umount2(os.fsencode(target), flags), target)


def unshare(flags: int) -> None:
    """unshare(2), for the calling thread.

    Raises:
        OSError: as the kernel says.
    """
    _check(_libc.unshare(flags))


def setns(fd: int, kind: int) -> None:
    """setns(2), for the calling thread: enter the namespace behind `fd`, which is of kind `kind` (CLONE_NEW...).

    Raises:
        OSError: as the kernel says.
    """
    _check(_libc.setns(fd, kind))


def open_tree(path: str, *, recursive: bool = False) -> int:
    """open_tree(2): a copy of the mount at a path, with the mounts below it or not, as an open file.

    Raises:
        OSError: as the kernel says.
    """
    flags = _OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC | (_AT_RECURSIVE if recursive else 0)
    fd = int(_libc.syscall(_OPEN_TREE, _AT_FDCWD, ctypes.c_char_p(os.fsencode(path)), ctypes.c_uint(flags)))
    _check(0 if fd >= 0 else fd, path)
    return fd


def move_mount(fd: int, target: str) -> None:
    """move_mount(2): attach a mount that `open_tree` has copied.

    Raises:
        OSError: as the kernel says.
    """
    name, empty = ctypes.c_char_p(os.fsencode(target)), ctypes.c_char_p(b"")
    flags = ctypes.c_uint(_MOVE_MOUNT_F_EMPTY_PATH)
    _check(int(_libc.syscall(_MOVE_MOUNT, fd, empty, _AT_FDCWD, name, flags)), target)


def run_in_mount_namespace(function: Callable[[], _T]) -> _T:
    """Call `function` where its mounts are seen by it alone, and vanish with it. Other threads see nothing of it.

    A thread, not a process, has the namespace: that takes 0.2 ms where a fork takes 1 or more, is safe while other
    threads run (a fork is not), and its result, its errors and the streams it writes to are ordinary objects. Mounts
    made outside meanwhile do show inside; none go the other way. A process that `function` starts has the namespace and
    would keep it alive.

    Raises:
        HostError: there is no leave to make a mount namespace.
        Exception: whatever `function` raises.
    """
    results: list[_T] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            try:
                unshare(CLONE_FS | CLONE_NEWNS)
                mount(None, "/", None, MS_REC | MS_SLAVE)
            except OSError as error:
                raise HostError(f"cannot make a mount namespace: {error.strerror}") from error
            results.append(function())
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run, name="mount-namespace", daemon=True)  # Ctrl-C need not wait for it
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]


# mount(2) takes its options in one page, the final NUL included; sysconf's page size may be larger, this one is safe.
_MAX_OPTIONS = 4095
_SPECIAL = frozenset(":,\\")


def mount_overlay(
    lower: Sequence[str],
    upper: str | None,
    work: str | None,
    target: str,
    *,
    readonly: bool = False,
    userxattr: bool | None = None,
) -> None:
    """Mount an overlay as docker's overlay2 does: no index, no redirects, no metadata-only copies.

    Args:
        lower: the lower directories, the top one first.
        upper: takes the changes; None for a read-only view.
        work: an empty directory on `upper`'s file system; given if and only if `upper` is.
        target: the mount point.
        readonly: refuse writes even though there is an upper directory.
        userxattr: keep overlay's marks in `user.` attributes; where this process has no other choice if not given.

    Raises:
        HostError: the kernel refuses.
    """
    if userxattr is None:
        from pallet.host.idmap import in_user_namespace

        userxattr = in_user_namespace()
    descriptors: list[int] = []
    try:
        layers = list(lower)
        if upper is None and len(layers) == 1:  # overlay wants two, and one alone can be had for less
            mount(layers[0], target, None, MS_BIND)
            mount(None, target, None, MS_REMOUNT | MS_BIND | MS_RDONLY)
            return
        options = _overlay_options(layers, upper, work, userxattr)
        if len(os.fsencode(options)) > _MAX_OPTIONS or any(
            _SPECIAL & set(path) for path in (*layers, upper or "", work or "")
        ):
            # Descriptors' names are short and free of the characters that separate options; any kernel takes them.
            layers = [_by_descriptor(path, descriptors) for path in layers]
            upper = upper and _by_descriptor(upper, descriptors)
            work = work and _by_descriptor(work, descriptors)
            options = _overlay_options(layers, upper, work, userxattr)
        mount("overlay", target, "overlay", MS_RDONLY if readonly else 0, options)
    except OSError as error:
        raise HostError(f"failed to mount overlay at {target}: {error.strerror}") from error
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _overlay_options(lower: Sequence[str], upper: str | None, work: str | None, userxattr: bool) -> str:
    options = ["lowerdir=" + ":".join(lower)]
    if upper is not None:
        options += [f"upperdir={upper}", f"workdir={work}", "index=off"]
    if userxattr:
        options.append("userxattr")  # which has no redirects and no metadata-only copies
    elif upper is not None:
        options += ["redirect_dir=off", "metacopy=off"]
    return ",".join(options)


def _by_descriptor(path: str, descriptors: list[int]) -> str:
    descriptors.append(os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
    return f"/proc/self/fd/{descriptors[-1]}"
