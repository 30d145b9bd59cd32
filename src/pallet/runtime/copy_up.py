"""A new volume gets what the image has at its mount point, as docker does."""

from __future__ import annotations

import os
import stat

from pallet.host.files import remove_tree
from pallet.host.inroot import open_in_root


def fill_volume(volume: str, root: int, path: str) -> None:
    """Make a volume's directory, and copy the image's files into it if it is new or empty.

    Args:
        volume: the volume's data directory.
        root: the container's root directory, open.
        path: the mount point in it.

    Raises:
        OSError: the disk is full, ...
    """
    if os.path.isdir(volume):
        _fill_empty(volume, root, path)
        return
    # Whole or absent: a copy that breaks off is made again.
    parent = os.path.dirname(volume)
    fresh = f"{parent}/.new-{os.getpid():x}"
    os.makedirs(parent, 0o701, exist_ok=True)
    os.mkdir(fresh, 0o755)
    try:
        source = open_in_root(root, path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:  # the image has nothing there
        os.rename(fresh, volume)
        return
    try:
        target = os.open(fresh, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _copy_directory(source, target)
        finally:
            os.close(target)
    finally:
        os.close(source)
    os.rename(fresh, volume)


def _fill_empty(volume: str, root: int, path: str) -> None:
    """Fill a directory that is there; a mark tells of a copy that broke off."""
    mark = f"{os.path.dirname(volume)}/.filling"
    broken = os.path.exists(mark)
    if not broken and os.listdir(volume):
        return
    try:
        source = open_in_root(root, path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:  # the image has nothing there
        return
    try:
        if broken:
            for name in os.listdir(volume):
                remove_tree(f"{volume}/{name}")
        target = os.open(volume, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.close(os.open(mark, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
            _copy_directory(source, target)
            os.unlink(mark)
        finally:
            os.close(target)
    finally:
        os.close(source)


def _copy_directory(source: int, target: int) -> None:
    with os.scandir(source) as entries:
        names = [entry.name for entry in entries]
    for name in names:
        status = os.stat(name, dir_fd=source, follow_symlinks=False)
        kind = stat.S_IFMT(status.st_mode)
        if kind == stat.S_IFDIR:
            os.mkdir(name, 0o700, dir_fd=target)
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            below, copy = os.open(name, flags, dir_fd=source), os.open(name, flags, dir_fd=target)
            try:
                _copy_directory(below, copy)
            finally:
                os.close(below)
                os.close(copy)
        elif kind == stat.S_IFLNK:
            os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
            os.chown(name, status.st_uid, status.st_gid, dir_fd=target, follow_symlinks=False)
            os.utime(name, ns=(status.st_atime_ns, status.st_mtime_ns), dir_fd=target, follow_symlinks=False)
        elif kind == stat.S_IFREG:
            _copy_file(source, target, name)
        else:
            os.mknod(name, status.st_mode, status.st_rdev, dir_fd=target)
            os.chown(name, status.st_uid, status.st_gid, dir_fd=target, follow_symlinks=False)
            os.chmod(name, stat.S_IMODE(status.st_mode), dir_fd=target)
    _copy_attributes(source, target)


def _copy_file(source: int, target: int, name: str) -> None:
    read = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=source)
    try:
        write = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=target)
        try:
            while os.sendfile(write, read, None, 1 << 24):
                pass
            _copy_attributes(read, write)
        finally:
            os.close(write)
    finally:
        os.close(read)


def _copy_attributes(source: int, target: int) -> None:
    status = os.fstat(source)
    os.fchown(target, status.st_uid, status.st_gid)
    os.fchmod(target, stat.S_IMODE(status.st_mode))
    for name in os.listxattr(source):
        if not name.startswith("trusted.overlay."):
            os.setxattr(target, name, os.getxattr(source, name))
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
