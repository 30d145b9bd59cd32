"""Files of an open directory as entries of a tar; the walks over directories are in `diff` and `merged`."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from pallet.errors import HostError
from pallet.host.xattrs import read_xattrs
from pallet.layer import tarformat as tf
from pallet.layer import whiteout
from pallet.layer.compress import Writable
from pallet.layer.erofs.ondisk import ReadInode
from pallet.layer.tarwrite import TarWriter

OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
"""How files are opened that may be anything by then."""
VANISHED = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESTALE, errno.ENXIO)
"""What the kernel says of a file that was there, or was of another kind, when its directory was listed."""
TYPES = {
    stat.S_IFLNK: tf.SYMLINK,
    stat.S_IFCHR: tf.CHAR_DEVICE,
    stat.S_IFBLK: tf.BLOCK_DEVICE,
    stat.S_IFIFO: tf.FIFO,
}
"""What is neither file nor directory, and has a place in a tar."""
# Other attributes in `security.` and `system.` are the host's policy or the file system's own.
_XATTRS = ("user.", "trusted.", "security.capability", "system.posix_acl_")
_OVERLAY_XATTRS = tuple(prefix.decode() for prefix in whiteout.OVERLAY_XATTRS)


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Errors of the operating system become a `HostError` that says that `what`, or a file in it, cannot be read."""
    try:
        yield
    except OSError as error:
        where = error.filename or what
        raise HostError(f"failed to read {os.fsdecode(where)}: {error.strerror}") from error


class Packer:
    """Writes entries into a tar.

    Args:
        out: takes the tar.
        latest: no time in the tar is later than this, in nanoseconds.

    Attributes:
        tar: the tar; whoever packs closes it.
        size: docker's: the sizes of all so far that is no directory, each inode counted once.
    """

    def __init__(self, out: Writable, latest: int | None = None) -> None:
        self.tar = TarWriter(out)
        self.size = 0
        self._latest = latest
        self._links: dict[tuple[int, int], bytes] = {}

    def file(self, parent: int, name: str, path: bytes) -> None:
        """Write a regular file; nothing if it is none any more.

        Args:
            parent: the open directory that it is in.
            name: its name there.
            path: what it is called in the tar.

        Raises:
            OSError: it cannot be read.
        """
        fd = os.open(name, OPEN, dir_fd=parent)
        try:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):  # it was replaced just now
                return
            if found.st_nlink > 1 and self.is_link(path, found, (found.st_dev, found.st_ino)):
                return
            size = found.st_size
            self.add(path, tf.REGULAR, found, read_xattrs(fd), size=size)
            self.size += size
            self.tar.copy(fd, size)
        finally:
            os.close(fd)

    def special(self, parent: int, name: str, path: bytes, found: os.stat_result) -> None:
        """Write a symlink, device or FIFO, and nothing for a socket, which has no place in a tar; args as `file`."""
        type_flag = TYPES.get(stat.S_IFMT(found.st_mode))
        if type_flag is None:
            return
        if found.st_nlink > 1 and self.is_link(path, found, (found.st_dev, found.st_ino)):
            return
        text = os.fsencode(os.readlink(name, dir_fd=parent)) if type_flag == tf.SYMLINK else b""
        try:
            xattrs = read_xattrs(f"/proc/self/fd/{parent}/{name}", follow_symlinks=False)
        except OSError:
            xattrs = {}
        self.add(path, type_flag, found, xattrs, linkname=text)
        self.size += len(text)

    def is_link(self, path: bytes, found: os.stat_result | ReadInode, inode: tuple[int, int]) -> bool:
        """Write a hard link if this inode has been written under another name."""
        first = self._links.setdefault(inode, path)
        if first == path:
            return False
        self.add(path, tf.HARD_LINK, found, None, linkname=first)
        return True

    def add(
        self,
        path: bytes,
        type_flag: int,
        found: os.stat_result | ReadInode,
        xattrs: dict[str, bytes] | None,
        *,
        size: int = 0,
        linkname: bytes = b"",
    ) -> None:
        """Begin an entry; the data of a file has to follow."""
        mtime = found.st_mtime_ns
        if self._latest is not None and mtime > self._latest:
            mtime = self._latest
        if xattrs:
            xattrs = {
                name: value
                for name, value in xattrs.items()
                if name.startswith(_XATTRS) and not name.startswith(_OVERLAY_XATTRS)
            }
        device = (0, 0)
        if type_flag in (tf.CHAR_DEVICE, tf.BLOCK_DEVICE):
            device = (os.major(found.st_rdev), os.minor(found.st_rdev))
        self.tar.add(
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
