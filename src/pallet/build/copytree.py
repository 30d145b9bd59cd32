"""Copying a tree into a directory: contents, types, modes and times; owners where they mean something."""

from __future__ import annotations

import os
import posixpath
import stat

from pallet.build.source import Entry, Tree
from pallet.content import CHUNK_SIZE
from pallet.errors import HostError
from pallet.host.files import unlink_if_there


def copy_tree(tree: Tree, path: str, place: str) -> None:
    """Copy a directory's contents, or a file, into a directory of ours.

    All that is copied is this user's, unless the tree keeps owners.

    What is there already is replaced, but for directories.

    Raises:
        HostError: it cannot be read, the disk is full, ...
    """
    itself = tree.entry(path)
    try:
        if not itself.is_directory:
            _copy_file(tree, itself, f"{place}/{posixpath.basename(path)}")
            return
        skip = len(path) + 1 if path else 0
        times: list[tuple[str, int]] = [(place, itself.status.st_mtime_ns)]
        _own(tree, itself, place)
        os.chmod(place, stat.S_IMODE(tree.mode_of(itself)))
        for entry in tree.below(path):
            target = f"{place}/{entry.path[skip:]}"
            if entry.is_directory:
                _directory(target)
                _own(tree, entry, target)
                os.chmod(target, stat.S_IMODE(entry.status.st_mode))
                times.append((target, entry.status.st_mtime_ns))
            elif entry.link:
                unlink_if_there(target)
                os.symlink(entry.link, target)
                _own(tree, entry, target)
            elif entry.is_file:
                _copy_file(tree, entry, target)
        for target, time in reversed(times):
            os.utime(target, ns=(time, time))
    except OSError as error:
        raise HostError(f"cannot copy {error.filename or path}: {error.strerror}") from error


def _directory(path: str) -> None:
    try:
        os.mkdir(path)
    except FileExistsError:
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            os.unlink(path)
            os.mkdir(path)


def _own(tree: Tree, entry: Entry, target: str) -> None:
    if tree.keeps_owners:
        os.chown(target, entry.status.st_uid, entry.status.st_gid, follow_symlinks=False)


def _copy_file(tree: Tree, entry: Entry, target: str) -> None:
    status = entry.status
    source = tree.open(entry.path)
    try:
        unlink_if_there(target)
        fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            while os.sendfile(fd, source, None, CHUNK_SIZE):
                pass
            _own(tree, entry, target)
            os.fchmod(fd, stat.S_IMODE(status.st_mode))
        finally:
            os.close(fd)
    finally:
        os.close(source)
    os.utime(target, ns=(status.st_mtime_ns, status.st_mtime_ns))
