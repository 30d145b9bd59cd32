"""Mount points in a stage's root file system: symlinks are followed inside it."""

from __future__ import annotations

import os
import stat

from pallet.host import inroot


def is_there(directory: str, path: str) -> bool:
    """Whether a path leads somewhere in a root file system that is mounted at `directory`."""
    root = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.close(inroot.open_in_root(root, path, os.O_PATH))
        return True
    except OSError:
        return False
    finally:
        os.close(root)


def make(directory: str, path: str, *, is_file: bool) -> None:
    """Make a mount point, a directory or an empty file, and its parents. Raises OSError."""
    root = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if not is_file:
            inroot.make_directories_in_root(root, path)
            return
        parent, name = os.path.split(path)
        inroot.make_directories_in_root(root, parent)
        fd = inroot.open_in_root(root, parent or "/", os.O_PATH | os.O_DIRECTORY)
        try:
            found = os.readlink(name, dir_fd=fd) if _is_link(fd, name) else ""
            if found:  # it points nowhere: the runtime makes what it points to
                return
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
            os.close(os.open(name, flags, 0o644, dir_fd=fd))
        finally:
            os.close(fd)
    except FileExistsError:
        return
    finally:
        os.close(root)


def _is_link(fd: int, name: str) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False
