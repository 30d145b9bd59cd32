"""Reading a root file system that is not trusted: every path is resolved by the kernel inside it."""

from __future__ import annotations

import os
from collections.abc import Iterator

from pallet.host.inroot import open_in_root, read_in_root

_LARGEST = 256 << 20


def read_whole(root: int, path: str) -> bytes:
    """A file of a root; empty if it is missing, no regular file, or of 256 MiB and more."""
    found = read_in_root(root, path, _LARGEST)  # one read: the kernel gives a regular file whole
    return found if len(found) < _LARGEST else b""


def names_in(root: int, path: str) -> list[str]:
    """The names in a directory of a root, in order; none if it is missing."""
    try:
        fd = open_in_root(root, path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return []
    try:
        return sorted(os.listdir(fd))
    finally:
        os.close(fd)


def directories_below(root: int) -> Iterator[str]:
    """All directories of a root's own file system, relative to it, parents first; no symlink is followed."""
    device = os.fstat(root).st_dev
    waiting = ["."]
    while waiting:
        path = waiting.pop()
        try:
            fd = open_in_root(root, path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            if os.fstat(fd).st_dev != device and path != ".":
                continue
            with os.scandir(fd) as entries:
                below = sorted((entry.name for entry in entries if entry.is_dir(follow_symlinks=False)), reverse=True)
        finally:
            os.close(fd)
        yield path
        waiting += [name if path == "." else f"{path}/{name}" for name in below]
