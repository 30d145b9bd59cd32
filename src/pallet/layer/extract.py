"""Entries of a tar become files. What whiteouts do, and what may be replaced, is `apply`'s to say.

Everything happens relative to the working directory, which must be the process's root as well (see `worker`): then
neither `..`, nor absolute names, nor any symlink leads out, for the kernel resolves them all inside. The semantics are
containerd's: the last duplicate wins, a directory over a directory only changes its metadata, symlinked parents are
followed, missing parents are made. The loop is made for many small files: one needs four system calls.
"""

from __future__ import annotations

import errno
import os
import stat
from functools import partial

from pallet.errors import HostError, Integrity, PalletError, UnsafeArchive
from pallet.layer import tarformat as tf
from pallet.layer import whiteout
from pallet.layer.places import Places
from pallet.layer.tarread import TarEntry, TarReader

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_HOLE = 64 * 1024  # a zero run of at least this length in a big file is not written
_ZEROS = bytes(1 << 20)
_MAX_TIME = 1 << 63
# What a tar can bring about; anything else is the machine's doing.
_ARCHIVE_ERRORS = frozenset(
    (
        errno.E2BIG,
        errno.EEXIST,
        errno.EFBIG,
        errno.EINVAL,
        errno.EISDIR,
        errno.ELOOP,
        errno.EMLINK,
        errno.ENAMETOOLONG,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.ERANGE,
    )
)


def clean(name: bytes) -> bytes:
    """A tar's name as a path relative to the root, b"" for the root itself. `..` stops at the root, as in `chroot`."""
    if name.startswith(b"./"):
        name = name[2:]
    if name.endswith(b"/"):
        name = name[:-1]
    if b"/." not in name and b"//" not in name and name[:1] not in (b"/", b"."):
        return name
    parts: list[bytes] = []
    for part in name.split(b"/"):
        if part == b"..":
            del parts[-1:]
        elif part not in (b"", b"."):
            parts.append(part)
    return b"/".join(parts)


class Extractor(Places):
    """Extracts one tar into the working directory; `apply` subclasses it.

    After `run`: `size` (docker's layer size), `files`, `implicit` (directories made though no entry asks for them),
    `foreign` (hard links without a target here: name to target), `opaque_root` and `whiteouts`.
    """

    def __init__(self, reader: TarReader, *, fresh: bool) -> None:
        """
        Args:
            reader: the tar.
            fresh: the working directory is empty, so nothing but this tar decides what new files inherit.
        """
        super().__init__(fresh=fresh)
        self._reader = reader
        self.squash = False  # owners that this user cannot give become the user itself
        self.files = 0
        self.opaque_root = False
        self.whiteouts: list[bytes] = []

    def run(self) -> None:
        """Extract all entries.

        Raises:
            UnsafeArchive, Integrity: the tar is at fault.
            HostError: the machine is.
        """
        prefix = whiteout.PREFIX
        for entry in self._reader:
            path = clean(entry.name)
            try:
                if prefix in path and self._is_whiteout(path):
                    continue
                if entry.type == tf.REGULAR:
                    self._file(entry, path)
                else:
                    self._other(entry, path)
            except OSError as error:
                raise _explain(entry, error) from error
            self.files += 1
        self._finish_directories()

    def _finish_directories(self) -> None:
        """Set directories' times, now that nothing is made in them any more."""
        for path, mtime in self._times.items():
            try:
                os.utime(path or b".", ns=(mtime, mtime), follow_symlinks=False)
            except OSError as error:  # a symlink on the way to it may be another one by now
                if error.errno not in _ARCHIVE_ERRORS:
                    raise HostError(f"failed to set the time of {os.fsdecode(path)!r}: {error.strerror}") from error

    # what subclasses decide

    def _hide(self, parent: bytes, name: bytes) -> None:
        """Whatever lies below this layer at `parent`/`name` is gone."""
        raise NotImplementedError

    def _hide_all(self, parent: bytes) -> None:
        """Whatever lies below this layer in `parent` is gone."""
        raise NotImplementedError

    def _placed(self, path: bytes) -> None:
        """An entry now is at `path`. Called only for a layer that is not `fresh`."""

    def _foreign(self, path: bytes, target: bytes) -> None:
        """A hard link's target does not exist."""
        raise NotImplementedError

    # entries

    def _is_whiteout(self, path: bytes) -> bool:
        """Deal with `path` if its name is a whiteout's, or aufs's own."""
        return whiteout.see_to(path, self._hide, self._hide_all)

    def _file(self, entry: TarEntry, path: bytes) -> None:
        mode = entry.mode
        try:
            fd = os.open(path, _NEW, mode)
        except OSError as error:
            fd = self._again(path, error, partial(os.open, path, _NEW, mode))
        try:
            if entry.sparse is not None:
                self._write_sparse(fd, entry)
            elif entry.size:
                self._write(fd, entry.size)
            plain = self._plain
            if not plain or entry.uid != self._uid or entry.gid != self._gid:
                self._own(entry, fd)
            if not plain or mode & 0o6000:  # chown and write clear these bits
                os.fchmod(fd, mode)
            if entry.xattrs:  # after chown, which clears security.capability
                self._set_xattrs(entry, fd)
            mtime = entry.mtime if entry.mtime < _MAX_TIME else 0
            os.utime(fd, ns=(mtime, mtime))
        finally:
            os.close(fd)
        self.size += entry.size
        if self.foreign:
            self.foreign.pop(path, None)
        if not plain:
            self._placed(path)

    def _other(self, entry: TarEntry, path: bytes) -> None:
        type_flag = entry.type
        if type_flag == tf.DIRECTORY:
            self._directory(entry, path)
        elif not path:
            raise UnsafeArchive("the tar replaces the root directory by something else")
        elif type_flag == tf.HARD_LINK:
            self._link(path, clean(entry.linkname))
        elif type_flag == tf.SYMLINK:
            self._make(path, lambda: os.symlink(entry.linkname, path))
            self.size += len(entry.linkname)
            self._set_metadata(entry, path)
        elif type_flag in (tf.CHAR_DEVICE, tf.BLOCK_DEVICE, tf.FIFO):
            if self._node(entry, path):
                self._set_metadata(entry, path)
        else:
            raise Integrity(f"unhandled tar header type {type_flag}")
        if type_flag != tf.HARD_LINK:
            self.foreign.pop(path, None)
        if not self._plain:
            self._placed(path)

    def _directory(self, entry: TarEntry, path: bytes) -> None:
        mode = entry.mode
        fresh = True
        try:
            os.mkdir(path or b".", mode)
        except FileExistsError:
            fresh = not stat.S_ISDIR(os.lstat(path or b".").st_mode)
            if fresh:
                self._remove(path)
                os.mkdir(path, mode)
                self._replaced(path)
            elif self.implicit:
                self.implicit.pop(self._real(path) or b".", None)
        except (FileNotFoundError, NotADirectoryError):
            self._make_parents(path)
            os.mkdir(path, mode)
        where = path or b"."
        if not fresh or not self._plain or entry.uid != self._uid or entry.gid != self._gid:
            self._own(entry, where)
        if not fresh or not self._plain or mode & 0o6000:  # mkdir ignores these bits
            os.chmod(where, mode)
        if entry.xattrs:
            self._set_xattrs(entry, where)
            if b"system.posix_acl_default" in entry.xattrs:
                self._plain = False
        if entry.gid != self._gid or mode & stat.S_ISGID:
            self._plain = False
        self._times[path] = entry.mtime if entry.mtime < _MAX_TIME else 0

    def _link(self, path: bytes, target: bytes) -> None:
        if path != target:
            try:
                os.link(target, path, follow_symlinks=False)
                return
            except OSError as error:
                if error.errno == errno.EPERM and os.path.isdir(target) and not os.path.islink(target):
                    raise UnsafeArchive("the tar holds a hard link to a directory") from error
                if os.path.lexists(target):
                    if error.errno != errno.EEXIST or not os.path.samestat(os.lstat(target), os.lstat(path)):
                        self._again(path, error, lambda: os.link(target, path, follow_symlinks=False))
                    return
        elif os.path.lexists(target):
            return
        self._foreign(path, target)

    def _node(self, entry: TarEntry, path: bytes) -> bool:
        """Make a device or a FIFO; False if this process may not."""
        kind = {tf.CHAR_DEVICE: stat.S_IFCHR, tf.BLOCK_DEVICE: stat.S_IFBLK, tf.FIFO: stat.S_IFIFO}[entry.type]
        try:
            device = os.makedev(*entry.device)
        except (OverflowError, ValueError) as error:
            raise UnsafeArchive("a device number in the tar is out of range") from error
        try:
            self._make(path, lambda: os.mknod(path, entry.mode | kind, device))
        except PermissionError:
            return False  # this user may not make one
        return True

    # parts of them

    def _write(self, fd: int, size: int) -> None:
        """Write the entry's data; long runs of zeros become holes."""
        hole = False
        left = size
        while left:
            piece = self._reader.read_some()
            length = len(piece)
            left -= length
            if length >= _HOLE and not piece[0] and not piece[-1] and bytes(piece) == _ZEROS[:length]:
                os.lseek(fd, length, os.SEEK_CUR)
                hole = True
                continue
            written = os.write(fd, piece)
            while written < length:
                written += os.write(fd, piece[written:])
            hole = False
        if hole:
            os.ftruncate(fd, size)

    def _write_sparse(self, fd: int, entry: TarEntry) -> None:
        piece = memoryview(b"")
        for offset, length in entry.sparse or ():
            while length:
                piece = piece or self._reader.read_some()
                written = os.pwrite(fd, piece[:length], offset)
                piece = piece[written:]
                offset += written
                length -= written
        os.ftruncate(fd, entry.size)

    def _set_metadata(self, entry: TarEntry, path: bytes) -> None:
        """Owner, mode, xattrs and time of what is neither a file nor a directory."""
        symlink = entry.type == tf.SYMLINK
        if not self._plain or entry.uid != self._uid or entry.gid != self._gid:
            self._own(entry, path)
        if not symlink and (not self._plain or entry.mode & 0o6000):
            os.chmod(path, entry.mode)
        if entry.xattrs:
            self._set_xattrs(entry, path)
        mtime = entry.mtime if entry.mtime < _MAX_TIME else 0
        os.utime(path, ns=(mtime, mtime), follow_symlinks=False)

    def _own(self, entry: TarEntry, where: int | bytes) -> None:
        """Give what was made its owner."""
        try:
            os.chown(where, entry.uid, entry.gid, follow_symlinks=isinstance(where, int))
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            # In a user namespace, an id that it does not have.
            if not self.squash:
                whose = f"the owner {entry.uid}:{entry.gid} of {os.fsdecode(entry.name)!r}"
                raise HostError(f"{whose} is beyond this user's ids in /etc/subuid and /etc/subgid") from error

    def _set_xattrs(self, entry: TarEntry, where: int | bytes) -> None:
        for name, value in (entry.xattrs or {}).items():
            if name.startswith(whiteout.OVERLAY_XATTRS):
                continue
            try:
                if isinstance(where, int):
                    os.setxattr(where, name, value)
                else:
                    os.setxattr(where, name, value, follow_symlinks=False)
            except OSError as error:
                # EPERM: `user.` attributes exist on files and directories only, `trusted.` ones are root's alone
                strange = name.startswith(b"user.") and entry.type != tf.REGULAR
                refused = error.errno == errno.EPERM and (strange or name.startswith(b"trusted."))
                if error.errno != errno.ENOTSUP and not refused:
                    raise


def _explain(entry: TarEntry, error: OSError) -> PalletError:
    """The error for an entry that could not be extracted."""
    text = f"failed to extract {os.fsdecode(entry.name)!r}: {(error.strerror or str(error)).lower()}"
    return UnsafeArchive(text) if error.errno in _ARCHIVE_ERRORS else HostError(text)
