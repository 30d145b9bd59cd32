"""Settling a layer that was unpacked alone: what it takes over from the layers below it.

A layer's tar may put files into directories that it does not describe. Such a directory keeps the mode, owner, xattrs
and time that it has below; one that is not below is 0755 and root's. Where a lower layer has a symlink in its place, or
a hard link names a file of a lower layer, or the layer hides everything below it, an overlay's upper directory made
from the tar alone cannot be right: such a layer has to be applied on top of the others (`pallet.layer.install`).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from enum import Enum

from pallet.errors import HostError
from pallet.layer import whiteout
from pallet.layer.unpacked import Unpacked

_ROOT = b"."


class Below(Enum):
    """What the layers below have at a path, if it is no directory."""

    NOTHING = "nothing"
    NO_DIRECTORY = "no directory"


def settle(
    upper: str,
    result: Unpacked,
    lowers: Sequence[str],
    *,
    userxattr: bool = False,
    take: Callable[[bytes, bytes], bool] | None = None,
) -> bool:
    """Give the directories that the tar lacked what they have below.

    Args:
        upper: the directory into which the layer was unpacked alone.
        result: what unpacking it gave.
        lowers: the directories of the layers below, top first; settled themselves.
        userxattr: opaque directories are marked by user.overlay.opaque.
        take: gives the directory of a path in the tar (`.` is the root) the metadata of a directory; False if it
            cannot have it. None to change the directory in `upper`.

    Returns:
        Whether the layer is right now; False if it has to be applied on top of the others instead.

    Raises:
        HostError: a directory's metadata cannot be read or set.
    """
    if result.foreign_links or result.opaque_root:
        return False
    try:
        if not _take_over(upper, result.implicit_parents, lowers, userxattr, strict=True, take=take):
            return False
        return _drop_strays(os.fsencode(upper), result.whiteouts, lowers, userxattr, may_drop=take is None)
    except OSError as error:
        raise HostError(f"cannot settle {os.fsdecode(error.filename or upper)}: {error.strerror}") from error


def settle_again(upper: str, result: Unpacked, lowers: Sequence[str], *, userxattr: bool = False) -> None:
    """Do what `settle` does for a layer that was applied on top of the others, as far as it applies.

    Applying it there changed the times of the directories that the tar lacks. Arguments and errors as `settle`.
    """
    try:
        _take_over(upper, result.implicit_parents, lowers, userxattr, strict=False)
    except OSError as error:
        raise HostError(f"cannot settle {os.fsdecode(error.filename or upper)}: {error.strerror}") from error


def lookup(lowers: Sequence[bytes], path: bytes, *, userxattr: bool = False) -> bytes | Below:
    """The directory that an overlay of `lowers` (top first) shows at `path`: the topmost of those it is merged from.

    Symlinks are not followed: where one is on the way there is nothing, where one is at the end there is no directory.
    """
    directories = list(lowers)
    if path == _ROOT:
        return directories[0] if directories else Below.NOTHING
    parts = path.split(b"/")
    for depth, part in enumerate(parts):
        found: list[bytes] = []
        for directory in directories:
            candidate = directory + b"/" + part
            try:
                status = os.lstat(candidate)
            except FileNotFoundError:
                continue
            if stat.S_ISDIR(status.st_mode):
                found.append(candidate)
                if is_opaque(candidate, userxattr=userxattr):
                    break
                continue
            if not found and not (stat.S_ISCHR(status.st_mode) and status.st_rdev == 0):
                return Below.NO_DIRECTORY if depth == len(parts) - 1 else Below.NOTHING
            break
        if not found:
            return Below.NOTHING
        directories = found
    return directories[0]


def is_opaque(directory: bytes, *, userxattr: bool = False) -> bool:
    """Whether a layer's directory hides what lies below it."""
    name = ("user." if userxattr else "trusted.") + whiteout.OVERLAY_OPAQUE
    return name in os.listxattr(directory, follow_symlinks=False)


def copy_directory_metadata(source: bytes, target: bytes) -> None:
    """Give a directory another's owner, mode, xattrs and modification time; overlayfs's own xattrs stay as they are."""
    status = os.lstat(source)
    os.chown(target, status.st_uid, status.st_gid, follow_symlinks=False)
    os.chmod(target, stat.S_IMODE(status.st_mode))
    wanted = {name: os.getxattr(source, name, follow_symlinks=False) for name in _xattrs(source)}
    for name in _xattrs(target):
        if name not in wanted:
            os.removexattr(target, name, follow_symlinks=False)
    for name, value in wanted.items():
        os.setxattr(target, name, value, follow_symlinks=False)
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns), follow_symlinks=False)


def _take_over(
    upper: str,
    implicit_parents: Sequence[bytes],
    lowers: Sequence[str],
    userxattr: bool,
    *,
    strict: bool,
    take: Callable[[bytes, bytes], bool] | None = None,
) -> bool:
    top = os.fsencode(upper)
    below = [os.fsencode(directory) for directory in lowers]
    for path in implicit_parents:
        target = top if path == _ROOT else top + b"/" + path
        if not strict and not _is_plain_directory(top, path):
            continue  # the tree below led elsewhere
        if _hidden(top, path, userxattr):
            continue
        found = lookup(below, path, userxattr=userxattr)
        if found is Below.NO_DIRECTORY and strict:
            return False
        if isinstance(found, Below):
            continue
        if path != _ROOT and is_opaque(target, userxattr=userxattr):
            if strict:
                # Removed and made again, or emptied? The first is a new directory, the second keeps what it was.
                return False
            continue
        if take is None:
            copy_directory_metadata(found, target)
        elif not take(path, found):
            return False
    return True


def _drop_strays(
    top: bytes, whiteouts: Sequence[bytes], lowers: Sequence[str], userxattr: bool, *, may_drop: bool
) -> bool:
    """Remove whiteouts in directories of this layer alone: where overlayfs merges nothing, it shows their names.

    Returns:
        Whether none is left.
    """
    below = [os.fsencode(directory) for directory in lowers]
    for path in whiteouts:
        parent = path.rpartition(b"/")[0]
        if not parent:
            continue
        if not _is_plain_directory(top, parent):
            return False  # it is somewhere behind a symlink; outside the worker's root none is followed
        if not _is_whiteout(top + b"/" + path):
            continue
        if _hidden(top, path, userxattr) or isinstance(lookup(below, parent, userxattr=userxattr), Below):
            if not may_drop:
                return False
            _drop(top + b"/" + path)
    return True


def _is_whiteout(path: bytes) -> bool:
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False  # something else of this layer came later
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def _drop(whiteout: bytes) -> None:
    """Remove a whiteout; its directory keeps its time."""
    parent = whiteout.rpartition(b"/")[0]
    times = os.lstat(parent)
    os.unlink(whiteout)
    os.utime(parent, ns=(times.st_atime_ns, times.st_mtime_ns), follow_symlinks=False)


def _hidden(top: bytes, path: bytes, userxattr: bool) -> bool:
    """Whether a directory of this layer above `path` hides what lies below."""
    parts = path.split(b"/")
    return any(is_opaque(top + b"/" + b"/".join(parts[:depth]), userxattr=userxattr) for depth in range(1, len(parts)))


def _is_plain_directory(top: bytes, path: bytes) -> bool:
    """Whether `path` is a directory in `top`, reached without a symlink."""
    if path == _ROOT:
        return True
    directory = top
    for part in path.split(b"/"):
        directory += b"/" + part
        try:
            if not stat.S_ISDIR(os.lstat(directory).st_mode):
                return False
        except FileNotFoundError:
            return False
    return True


def _xattrs(path: bytes) -> list[bytes]:
    names = (os.fsencode(name) for name in os.listxattr(path, follow_symlinks=False))
    return [name for name in names if not name.startswith(whiteout.OVERLAY_XATTRS)]
