"""Paths as a process with another root would see them."""

from __future__ import annotations

import errno
import os

_RESOLVE_IN_ROOT = 0x10


def open_in_root(root: int, path: str, flags: int) -> int:
    """Open a path below an open directory as a process with this root would see it; symlinks cannot lead out.

    Raises:
        OSError: as open(2).
    """
    if "/" not in path and path != ".." and not flags & os.O_PATH:
        try:
            return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=root)  # nothing on the way to follow
        except OSError as error:
            # With O_DIRECTORY the kernel says of a link that it is no directory.
            if error.errno not in (errno.ELOOP, errno.ENOTDIR) or flags & os.O_NOFOLLOW:
                raise
    from pallet.host.openat2 import openat2

    return openat2(root, path, flags | os.O_CLOEXEC, _RESOLVE_IN_ROOT)


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
