"""A tar's files are put into a directory that exists, as `docker cp` does: no whiteouts, nothing replaced by surprise.

Source: docker/docker pkg/archive, Unpack with NoOverwriteDirNonDir; the error texts are its own.
"""

from __future__ import annotations

import errno
import os
import stat

from pallet.errors import HostError, InvalidInput, UnsafeArchive
from pallet.layer import tarformat as tf
from pallet.layer import whiteout
from pallet.layer.compress import Readable
from pallet.layer.tarread import TarEntry, TarReader

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NODES = {tf.CHAR_DEVICE: stat.S_IFCHR, tf.BLOCK_DEVICE: stat.S_IFBLK, tf.FIFO: stat.S_IFIFO}
_MAX_TIME = 1 << 63


class Ownership:
    """Whom the new files belong to.

    Args:
        keep: to the owners that the tar names; else to whoever runs this.
        owner: to this user and group instead.
    """

    __slots__ = ("keep", "owner")

    def __init__(self, *, keep: bool, owner: tuple[int, int] | None = None) -> None:
        self.keep = keep
        self.owner = owner


def put_tree(source: Readable, directory: int, shown: str, ownership: Ownership, *, follow: bool) -> None:
    """Extract a tar.

    Args:
        source: the tar, not compressed.
        directory: where to, open.
        shown: its path, for error texts.
        ownership: whom the files belong to.
        follow: whether symlinks on the way to an entry are followed. Only for a process whose root is the container's:
            elsewhere the tar could lead out of the directory.

    Raises:
        InvalidInput: a directory is in the way of a file, or the other way round.
        Integrity, UnsafeArchive: the tar is damaged, or names what is outside of it.
        HostError: the file system refuses.
    """
    _Putter(TarReader(source), directory, shown, ownership, follow).run()


class _Putter:
    def __init__(self, reader: TarReader, directory: int, shown: str, ownership: Ownership, follow: bool) -> None:
        self._reader = reader
        self._root = directory
        self._shown = shown
        self._ownership = ownership
        self._follow = follow
        self._directories: list[tuple[list[bytes], TarEntry]] = []

    def run(self) -> None:
        for entry in self._reader:
            parts = [part for part in entry.name.split(b"/") if part not in (b"", b".")]
            if b".." in parts:
                raise UnsafeArchive(f'"{os.fsdecode(entry.name)}" is outside of "{self._shown}"')
            try:
                if parts:
                    self._put(parts, entry)
            except OSError as error:
                raise HostError(f"{self._where(parts)}: {(error.strerror or '').lower()}") from error
        # Last, for what is put into a directory changes its time.
        for parts, entry in reversed(self._directories):
            parent = self._open(parts[:-1], make=False)
            try:
                os.utime(parts[-1], ns=_times(entry), dir_fd=parent, follow_symlinks=False)
            except OSError:
                continue
            finally:
                os.close(parent)

    def _where(self, parts: list[bytes]) -> str:
        return self._shown.rstrip("/") + "/" + os.fsdecode(b"/".join(parts))

    def _open(self, parts: list[bytes], *, make: bool) -> int:
        """Open the directory of these names, from the outermost on."""
        fd = os.dup(self._root)
        flags = _DIRECTORY if self._follow else _DIRECTORY | os.O_NOFOLLOW
        for part in parts:
            try:
                try:
                    below = os.open(part, flags, dir_fd=fd)
                except FileNotFoundError:
                    if not make:
                        raise
                    os.mkdir(part, 0o755, dir_fd=fd)
                    below = os.open(part, flags, dir_fd=fd)
            finally:
                os.close(fd)
            fd = below
        return fd

    def _put(self, parts: list[bytes], entry: TarEntry) -> None:
        parent, name = self._open(parts[:-1], make=True), parts[-1]
        try:
            if not self._make_room(parent, name, parts, entry):
                self._make(parent, name, entry)
            self._describe(parent, name, entry)
            if entry.type == tf.DIRECTORY:
                self._directories.append((parts, entry))
        finally:
            os.close(parent)

    def _make_room(self, parent: int, name: bytes, parts: list[bytes], entry: TarEntry) -> bool:
        """Remove what an entry replaces; tells whether it is there already: a directory."""
        try:
            is_directory = stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
        except FileNotFoundError:
            return False
        wants_directory = entry.type == tf.DIRECTORY
        if is_directory and wants_directory:
            return True
        if is_directory or wants_directory:
            words = ("directory", "non-directory") if is_directory else ("non-directory", "directory")
            raise InvalidInput(f'cannot overwrite {words[0]} "{self._where(parts)}" with {words[1]} "{self._shown}"')
        os.unlink(name, dir_fd=parent)
        return False

    def _make(self, parent: int, name: bytes, entry: TarEntry) -> None:
        if entry.type == tf.DIRECTORY:
            os.mkdir(name, 0o700, dir_fd=parent)
        elif entry.type == tf.SYMLINK:
            os.symlink(entry.linkname, name, dir_fd=parent)
        elif entry.type == tf.HARD_LINK:
            self._link(parent, name, entry)
        elif entry.type in _NODES:
            os.mknod(name, _NODES[entry.type] | 0o600, os.makedev(*entry.device), dir_fd=parent)
        else:
            self._file(parent, name, entry)

    def _link(self, parent: int, name: bytes, entry: TarEntry) -> None:
        parts = [part for part in entry.linkname.split(b"/") if part not in (b"", b".")]
        if not parts or b".." in parts:
            raise UnsafeArchive(f'invalid hardlink "{os.fsdecode(entry.linkname)}"')
        other = self._open(parts[:-1], make=False)
        try:
            os.link(parts[-1], name, src_dir_fd=other, dst_dir_fd=parent, follow_symlinks=False)
        finally:
            os.close(other)

    def _file(self, parent: int, name: bytes, entry: TarEntry) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(name, flags, 0o600, dir_fd=parent)
        try:
            segments = [(0, entry.size)] if entry.sparse is None else entry.sparse
            piece = memoryview(b"")
            for offset, length in segments:
                while length:
                    piece = piece or self._reader.read_some()
                    written = os.pwrite(fd, piece[:length], offset)
                    piece = piece[written:]
                    offset += written
                    length -= written
            if entry.sparse is not None:
                os.ftruncate(fd, entry.size)
        finally:
            os.close(fd)

    def _describe(self, parent: int, name: bytes, entry: TarEntry) -> None:
        """Owner, mode, xattrs and time."""
        if entry.type == tf.HARD_LINK:
            return
        if self._ownership.owner is not None:
            os.chown(name, *self._ownership.owner, dir_fd=parent, follow_symlinks=False)
        elif self._ownership.keep:
            os.chown(name, entry.uid, entry.gid, dir_fd=parent, follow_symlinks=False)
        if entry.type != tf.SYMLINK:
            os.chmod(name, entry.mode & 0o7777, dir_fd=parent)
        for key, value in (entry.xattrs or {}).items():
            if not key.startswith(whiteout.OVERLAY_XATTRS):
                self._set_xattr(parent, name, key, value)
        if entry.type != tf.DIRECTORY:
            os.utime(name, ns=_times(entry), dir_fd=parent, follow_symlinks=False)

    def _set_xattr(self, parent: int, name: bytes, key: bytes, value: bytes) -> None:
        try:
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=parent)
        except OSError:  # a symlink, a socket: those have few
            return
        try:
            os.setxattr(fd, key, value)
        except OSError as error:
            if error.errno not in (errno.ENOTSUP, errno.EPERM):
                raise
        finally:
            os.close(fd)


def _times(entry: TarEntry) -> tuple[int, int]:
    mtime = entry.mtime if entry.mtime < _MAX_TIME else 0
    return mtime, mtime
