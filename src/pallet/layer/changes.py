"""What an overlay's upper directory changes: docker's A, C and D.

Source: docker/docker pkg/archive, changes.go: which differences count; a directory with changes below counts, too.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from pallet.errors import HostError
from pallet.layer import whiteout

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
ADDED, CHANGED, DELETED = "A", "C", "D"

Change = tuple[str, str]
"""A, C or D, and the absolute path in the container."""


def changes(upper: str, lower: str, *, userxattr: bool = False) -> list[Change]:
    """List the changes; a directory comes before what is in it, names in the order of their bytes.

    Args:
        upper: the upper directory.
        lower: what is below it, as a mounted tree.
        userxattr: the overlay is mounted with `userxattr`.

    Raises:
        HostError: a directory cannot be read.
    """
    opaque = ("user." if userxattr else "trusted.") + whiteout.OVERLAY_OPAQUE
    try:
        above = os.open(upper, _FLAGS)
        try:
            below = os.open(lower, _FLAGS)
            try:
                return list(_below(above, below, "", opaque))
            finally:
                os.close(below)
        finally:
            os.close(above)
    except OSError as error:
        raise HostError(f"failed to read {error.filename or upper}: {error.strerror}") from error


def _below(upper: int, lower: int | None, path: str, opaque: str) -> Iterator[Change]:
    names = _names(upper)
    there = set(_names(lower)) if lower is not None else set()
    if lower is not None and _is_opaque(upper, opaque):
        names = sorted({*names, *there}, key=os.fsencode)
    for name in names:
        whole = f"{path}/{name}"
        try:
            found = os.stat(name, dir_fd=upper, follow_symlinks=False)
        except FileNotFoundError:  # an opaque directory hides it
            yield DELETED, whole
            continue
        if stat.S_ISCHR(found.st_mode) and found.st_rdev == 0:
            if name in there:
                yield DELETED, whole
            continue
        before = os.stat(name, dir_fd=lower, follow_symlinks=False) if name in there else None
        if not stat.S_ISDIR(found.st_mode):
            if before is None or _differs(before, found):
                yield CHANGED if before is not None else ADDED, whole
            continue
        inner = _inner(
            upper, lower if before is not None and stat.S_ISDIR(before.st_mode) else None, name, whole, opaque
        )
        if before is None:
            yield ADDED, whole
        elif inner or _differs(before, found):
            yield CHANGED, whole
        yield from inner


def _inner(upper: int, lower: int | None, name: str, path: str, opaque: str) -> list[Change]:
    above = os.open(name, _FLAGS, dir_fd=upper)
    try:
        if lower is None:
            return list(_below(above, None, path, opaque))
        below = os.open(name, _FLAGS, dir_fd=lower)
        try:
            return list(_below(above, below, path, opaque))
        finally:
            os.close(below)
    finally:
        os.close(above)


def _names(fd: int) -> list[str]:
    return sorted(os.listdir(fd), key=os.fsencode)


def _is_opaque(fd: int, name: str) -> bool:
    try:
        return os.getxattr(fd, name) == b"y"
    except OSError:
        return False


def _differs(before: os.stat_result, after: os.stat_result) -> bool:
    same = ("st_mode", "st_uid", "st_gid", "st_rdev")
    if any(getattr(before, field) != getattr(after, field) for field in same):
        return True
    # A directory's size and time say nothing that its content does not.
    return not stat.S_ISDIR(after.st_mode) and (before.st_mtime_ns, before.st_size) != (
        after.st_mtime_ns,
        after.st_size,
    )
