"""A directory becomes a tar: an overlay's upper directory with whiteouts, or a whole tree as it stands.

The listing is docker's: no entry for the root, names without a leading `./`, directories with a trailing slash, each
directory's names in byte order. The tree may be in use: nothing is followed out of it, what vanishes meanwhile is left
out, and a file that shrinks or grows still fills exactly the size its header gave.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator

from pallet.errors import HostError
from pallet.host.xattrs import read_xattrs
from pallet.layer import tarformat as tf
from pallet.layer import whiteout
from pallet.layer.compress import Writable
from pallet.layer.tarwrite import TarWriter

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
# Other attributes in `security.` and `system.` are the host's policy or the file system's own.
_XATTRS = ("user.", "trusted.", "security.capability", "system.posix_acl_")
_OVERLAY_XATTRS = tuple(prefix.decode() for prefix in whiteout.OVERLAY_XATTRS)
_VANISHED = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESTALE, errno.ENXIO)
_TYPES = {
    stat.S_IFLNK: tf.SYMLINK,
    stat.S_IFCHR: tf.CHAR_DEVICE,
    stat.S_IFBLK: tf.BLOCK_DEVICE,
    stat.S_IFIFO: tf.FIFO,
}


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
    opaque = ("user." if userxattr else "trusted.") + whiteout.OVERLAY_OPAQUE
    return _Packer(out, source_date_epoch, opaque).pack(upper)


def write_tree(root: str, out: Writable) -> int:
    """Write all of a mounted tree, as `docker export` does, but with xattrs and whole times.

    Directories where another file system is mounted are written empty.

    Returns:
        The sizes of all that is no directory, each inode counted once.

    Raises:
        HostError: the tree cannot be read.
    """
    return _Packer(out, None, None).pack(root)


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
    _Packer(out, None, None).pack_path(parent, name, as_name, devices)


class _Packer:
    def __init__(self, out: Writable, epoch: int | None, opaque: str | None) -> None:
        self._tar = TarWriter(out)
        self._latest = None if epoch is None else epoch * 1_000_000_000
        self._opaque = opaque  # the xattr's name; None: whiteouts mean nothing here
        self._links: dict[tuple[int, int], bytes] = {}
        self._devices: frozenset[int] = frozenset()
        self.size = 0

    def pack(self, root: str) -> int:
        """Write all below `root`."""
        try:
            fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            self._devices = frozenset((os.fstat(fd).st_dev,))
            self._walk(fd, b"")
            self._tar.close()
        except OSError as error:
            where = error.filename or root
            raise HostError(f"failed to read {os.fsdecode(where)}: {error.strerror}") from error
        return self.size

    def pack_path(self, parent: int, name: str, as_name: bytes, devices: frozenset[int]) -> None:
        """Write what has a name."""
        try:
            found = os.stat(name, dir_fd=parent, follow_symlinks=False)
            self._devices = devices | {found.st_dev}
            if stat.S_ISDIR(found.st_mode):
                below = self._directory(parent, name, as_name)
                if below is not None:
                    self._walk(below, as_name + b"/")
            elif stat.S_ISREG(found.st_mode):
                self._file(parent, name, as_name)
            else:
                self._special(parent, name, as_name)
            self._tar.close()
        except OSError as error:
            where = error.filename or name
            raise HostError(f"failed to read {os.fsdecode(where)}: {error.strerror}") from error

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
                    if error.errno not in _VANISHED:
                        raise
        finally:
            for fd, _, _ in stack:
                os.close(fd)

    def _directory(self, parent: int, name: str, path: bytes) -> int | None:
        """Write a directory's entry; returns it opened, None if nothing below it is to be written."""
        fd = os.open(name, _OPEN | os.O_DIRECTORY, dir_fd=parent)
        try:
            found = os.fstat(fd)
            xattrs = read_xattrs(fd)
            self._add(path + b"/", tf.DIRECTORY, found, xattrs)
            if self._opaque is not None and xattrs.get(self._opaque) == b"y":
                self._add(path + b"/" + whiteout.OPAQUE, tf.REGULAR, found, None)
            if found.st_dev in self._devices:
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)
        return None

    def _file(self, parent: int, name: str, path: bytes) -> None:
        if self._opaque is not None and name.startswith(".wh."):
            return
        fd = os.open(name, _OPEN, dir_fd=parent)
        try:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):  # it was replaced just now
                return
            if found.st_nlink > 1 and self._is_link(path, found):
                return
            size = found.st_size
            self._add(path, tf.REGULAR, found, read_xattrs(fd), size=size)
            self.size += size
            self._tar.copy(fd, size)
        finally:
            os.close(fd)

    def _special(self, parent: int, name: str, path: bytes) -> None:
        """Symlinks, devices, FIFOs and whiteouts; sockets have no place in a tar."""
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        type_flag = _TYPES.get(stat.S_IFMT(found.st_mode))
        if type_flag is None:
            return
        device = (os.major(found.st_rdev), os.minor(found.st_rdev))
        if type_flag == tf.CHAR_DEVICE and device == (0, 0) and self._opaque is not None:
            directory, slash, hidden = path.rpartition(b"/")
            self._add(directory + slash + whiteout.PREFIX + hidden, tf.REGULAR, found, None)
            return
        if found.st_nlink > 1 and self._is_link(path, found):
            return
        text = os.fsencode(os.readlink(name, dir_fd=parent)) if type_flag == tf.SYMLINK else b""
        try:
            xattrs = read_xattrs(f"/proc/self/fd/{parent}/{name}", follow_symlinks=False)
        except OSError:
            xattrs = {}
        self._add(path, type_flag, found, xattrs, linkname=text, device=device)
        self.size += len(text)

    def _is_link(self, path: bytes, found: os.stat_result) -> bool:
        """Write a hard link if the inode has been written under another name."""
        first = self._links.setdefault((found.st_dev, found.st_ino), path)
        if first == path:
            return False
        self._add(path, tf.HARD_LINK, found, None, linkname=first)
        return True

    def _add(
        self,
        path: bytes,
        type_flag: int,
        found: os.stat_result,
        xattrs: dict[str, bytes] | None,
        *,
        size: int = 0,
        linkname: bytes = b"",
        device: tuple[int, int] = (0, 0),
    ) -> None:
        mtime = found.st_mtime_ns
        if self._latest is not None and mtime > self._latest:
            mtime = self._latest
        if xattrs:
            xattrs = {
                name: value
                for name, value in xattrs.items()
                if name.startswith(_XATTRS) and not name.startswith(_OVERLAY_XATTRS)
            }
        self._tar.add(
            path,
            type_flag,
            mode=found.st_mode & 0o7777,
            uid=found.st_uid,
            gid=found.st_gid,
            size=size,
            mtime=mtime,
            linkname=linkname,
            device=device,
            xattrs=xattrs,
        )


def _listing(fd: int) -> Iterator[os.DirEntry[str]]:
    with os.scandir(fd) as entries:
        return iter(sorted(entries, key=lambda entry: os.fsencode(entry.name)))
