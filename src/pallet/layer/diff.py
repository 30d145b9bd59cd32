"""A directory becomes a tar: an overlay's upper directory with whiteouts, or a whole tree as it stands.

The listing is docker's: no entry for the root, names without a leading `./`, directories with a trailing slash, each
directory's names in byte order. The tree may be in use: nothing is followed out of it, what vanishes meanwhile is left
out, and a file that shrinks or grows still fills exactly the size its header gave.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from pallet.host.xattrs import read_xattrs
from pallet.layer import tarformat as tf
from pallet.layer import whiteout
from pallet.layer.compress import Writable
from pallet.layer.packer import OPEN, VANISHED, Packer, reading


def write_diff(upper: str, out: Writable, *, source_date_epoch: int | None = None, userxattr: bool = False) -> int:
    """Write the layer tar of an overlay's upper directory, as `docker commit` does, but with xattrs and whole times.

    A file whose real name looks like a whiteout cannot be told from one in a layer, and is left out.

    Args:
        upper: the upper directory; its overlay may be mounted and in use.
        out: takes the tar.
        source_date_epoch: no time in the tar is later than this, in seconds.
        userxattr: the overlay is mounted with `userxattr`.

    Returns:
        docker's layer size: the sizes of all that is no directory, each inode counted once.

    Raises:
        HostError: the directory cannot be read.
    """
    latest = None if source_date_epoch is None else source_date_epoch * 1_000_000_000
    return _Walk(Packer(out, latest), whiteout.opaque_mark(userxattr)).pack(upper)


def write_path(parent: int, name: str, out: Writable, *, as_name: bytes, devices: frozenset[int] = frozenset()) -> None:
    """Write one file, or a directory with all below it, as `docker cp` does.

    Args:
        parent: the open directory it is in.
        name: its name there; `.` for the directory itself.
        out: takes the tar.
        as_name: what it is called in the tar.
        devices: file systems (`st_dev`) whose content is written where they are mounted, besides its own.

    Raises:
        HostError: it cannot be read.
    """
    _Walk(Packer(out), None).pack_path(parent, name, as_name, devices)


class _Walk:
    def __init__(self, packer: Packer, opaque: str | None) -> None:
        self._packer = packer
        self._opaque = opaque  # the xattr's name; None: whiteouts mean nothing here
        self._devices: frozenset[int] = frozenset()

    def pack(self, root: str) -> int:
        """Write all below `root`."""
        with reading(root):
            fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            self._devices = frozenset((os.fstat(fd).st_dev,))
            self._walk(fd, b"")
            self._packer.tar.close()
        return self._packer.size

    def pack_path(self, parent: int, name: str, as_name: bytes, devices: frozenset[int]) -> None:
        """Write what has a name."""
        with reading(name):
            found = os.stat(name, dir_fd=parent, follow_symlinks=False)
            self._devices = devices | {found.st_dev}
            if stat.S_ISDIR(found.st_mode):
                below = self._directory(parent, name, as_name)
                if below is not None:
                    self._walk(below, as_name + b"/")
            elif stat.S_ISREG(found.st_mode):
                self._packer.file(parent, name, as_name)
            else:
                self._special(parent, name, as_name)
            self._packer.tar.close()

    def _walk(self, root: int, prefix: bytes) -> None:
        """Write all below a directory, and close it; in one loop: a tree may be deeper than Python's stack."""
        stack = [(root, prefix, _listing(root))]
        try:
            while stack:
                fd, prefix, entries = stack[-1]
                entry = next(entries, None)
                if entry is None:
                    os.close(fd)
                    stack.pop()
                    continue
                path = prefix + os.fsencode(entry.name)
                try:
                    if entry.is_dir(follow_symlinks=False):
                        below = self._directory(fd, entry.name, path)
                        if below is not None:
                            stack.append((below, path + b"/", _listing(below)))
                    elif entry.is_file(follow_symlinks=False):
                        self._file(fd, entry.name, path)
                    else:
                        self._special(fd, entry.name, path)
                except OSError as error:
                    if error.errno not in VANISHED:
                        raise
        finally:
            for fd, _, _ in stack:
                os.close(fd)

    def _directory(self, parent: int, name: str, path: bytes) -> int | None:
        """Write a directory's entry; returns it opened, None if nothing below it is to be written."""
        fd = os.open(name, OPEN | os.O_DIRECTORY, dir_fd=parent)
        try:
            found = os.fstat(fd)
            xattrs = read_xattrs(fd)
            self._packer.add(path + b"/", tf.DIRECTORY, found, xattrs)
            if self._opaque is not None and xattrs.get(self._opaque) == b"y":
                self._packer.add(path + b"/" + whiteout.OPAQUE, tf.REGULAR, found, None)
            if found.st_dev in self._devices:
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)
        return None

    def _file(self, parent: int, name: str, path: bytes) -> None:
        if self._opaque is None or not name.startswith(".wh."):
            self._packer.file(parent, name, path)

    def _special(self, parent: int, name: str, path: bytes) -> None:
        """Symlinks, devices, FIFOs and whiteouts."""
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if self._opaque is not None and whiteout.is_whiteout(found):
            directory, slash, hidden = path.rpartition(b"/")
            self._packer.add(directory + slash + whiteout.PREFIX + hidden, tf.REGULAR, found, None)
        else:
            self._packer.special(parent, name, path, found)


def _listing(fd: int) -> Iterator[os.DirEntry[str]]:
    with os.scandir(fd) as entries:
        return iter(sorted(entries, key=lambda entry: os.fsencode(entry.name)))
