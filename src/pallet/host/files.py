"""Files that are whole or absent, and trees that go away completely.

Quick path: imports nothing but os and what it needs.
"""

from __future__ import annotations

import errno
import os
import stat

from pallet.errors import HostError

_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_DEEPEST = 64  # directories held open at once; below that, subtrees are moved up before they are emptied
_GET_FLAGS = 0x80086601  # FS_IOC_GETFLAGS
_SET_FLAGS = 0x40086602  # FS_IOC_SETFLAGS
_IMMUTABLE_OR_APPEND = 0x10 | 0x20
_TOP_DIRECTORY = 0x20000  # EXT4_TOPDIR_FL
_WRITEBACK = 8 << 20


def write_atomic(path: str, data: bytes, mode: int = 0o600) -> None:
    """Put `data` into `path` so that readers, and a machine that loses power, find the old file or the new one.

    Raises:
        HostError: the disk is full, the directory cannot be written, ...
    """
    directory, name = os.path.split(path)
    temporary = os.path.join(directory, f".{name}.{os.getpid():x}-{os.urandom(4).hex()}")
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            try:
                write_all(fd, data)
                os.fsync(fd)
            finally:
                os.close(fd)
            os.rename(temporary, path)
        except BaseException:
            unlink_if_there(temporary)
            raise
        sync_directory(directory)
    except OSError as error:
        raise HostError(f"cannot write {path}: {error.strerror}") from error


class EarlyWriteback:
    """Has what is written to a file go to the disk meanwhile, so that less is left for the sync that ends the writing.

    The kernel alone begins only when a tenth of the memory waits, or after half a minute.
    """

    __slots__ = ("_begun", "_fd")

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._begun = 0

    def reached(self, position: int) -> None:
        """The file was written up to here, from its start on."""
        if position - self._begun >= _WRITEBACK:
            # For pages that wait to be written, this advice means to begin with it; only clean ones are forgotten.
            os.posix_fadvise(self._fd, self._begun, position - self._begun, os.POSIX_FADV_DONTNEED)
            self._begun = position


def write_all(fd: int, data: bytes | bytearray | memoryview) -> None:
    """Write every byte of `data` to an open file."""
    written = os.write(fd, data)
    if written < len(data):
        view = memoryview(data)
        while written < len(view):
            written += os.write(fd, view[written:])


def nameless_file(directory: str) -> int:
    """A new open file on the file system of a directory that vanishes with its last descriptor. Raises OSError."""
    try:
        return os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR):  # not every file system has such files
            raise
    path = os.path.join(directory, "." + os.urandom(8).hex())
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    os.unlink(path)
    return fd


def unlink_if_there(path: str) -> None:
    """Remove a file that may be missing."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def sync_directory(path: str) -> None:
    """Make the names in a directory survive a power cut."""
    fd = os.open(path or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_filesystem(path: str) -> None:
    """Make everything on the file system that holds `path` survive a power cut: syncfs(2).

    One call is far cheaper than an fsync for each of thousands of files.

    Raises:
        HostError: the disk reports an error.
    """
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.syncfs(fd) != 0:
            raise HostError(f"cannot sync {path}: {os.strerror(ctypes.get_errno())}")
    finally:
        os.close(fd)


def make_spreading_directory(path: str) -> None:
    """Make a directory (mode 0700, and its parents) whose subdirectories have nothing to do with each other.

    ext4 then puts each of them into a block group with room. Else it puts a new tree next to the trees that were
    removed there last, whose inodes it will not use again for some minutes: it looks at thousands of them for each file
    that is made, which made unpacking an image some ten times slower after another one had been removed. Other file
    systems do not need it and do not take the flag. Source: chattr(1), attribute T; the kernel's fs/ext4/ialloc.c.

    Raises:
        OSError: it cannot be made. That it exists is no error.
    """
    if os.path.isdir(path):
        return
    os.makedirs(path, mode=0o700, exist_ok=True)
    try:
        fd = os.open(path, _OPEN_DIRECTORY)
        try:
            _change_flags(fd, set=_TOP_DIRECTORY)
        finally:
            os.close(fd)
    except OSError:
        return  # it is faster with the flag, and right without


def tree_size(path: str) -> int:
    """Bytes of all files in a tree, a file with several names counted once; a missing tree has 0."""
    total = 0
    seen: set[tuple[int, int]] = set()
    waiting = [path]
    while waiting:
        try:
            entries = list(os.scandir(waiting.pop()))
        except (FileNotFoundError, NotADirectoryError):
            continue
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISDIR(status.st_mode):
                waiting.append(entry.path)
            elif status.st_nlink == 1 or (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                total += status.st_size
    return total


def remove_tree(path: str) -> None:
    """Remove a file, or a directory with all it holds; what is missing already is fine.

    Symlinks are removed, never followed, and the walk goes from directory to directory by descriptor, so a tree that
    changes meanwhile cannot lead out of itself. Trees of any depth go. Modes and the immutable flag are lifted.

    Raises:
        HostError: something is mounted in there, or a file cannot be removed.
    """
    path = os.path.normpath(os.path.join(os.getcwd(), path))
    mounted = _mount_point_below(path)
    if mounted is not None:
        raise HostError(f"cannot remove {path}: {mounted} is mounted")
    parent, name = os.path.split(path)
    try:
        parent_fd = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    except OSError as error:
        raise HostError(f"cannot remove {path}: {error.strerror}") from error
    try:
        _Remover(parent_fd, name).run()
    except OSError as error:
        where = f" ({os.fsdecode(error.filename)})" if error.filename else ""
        raise HostError(f"cannot remove {path}{where}: {error.strerror}") from error
    finally:
        os.close(parent_fd)


class _Remover:
    def __init__(self, parent_fd: int, name: str) -> None:
        self._parent = parent_fd
        self._name = name
        self._moved = 0

    def run(self) -> None:
        try:
            os.unlink(self._name, dir_fd=self._parent)
            return
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno not in (errno.EISDIR, errno.EPERM, errno.EACCES):
                raise
        if not self._is_directory(self._parent, self._name):
            self._unlink(self._parent, self._name)
            return
        top = self._open(self._parent, self._name)
        try:
            while self._empty(top, top, 0):  # again while deep subtrees were moved up to the top
                pass
        finally:
            os.close(top)
        self._rmdir(self._parent, self._name)

    def _empty(self, fd: int, top: int, depth: int) -> bool:
        """Empty a directory; tell whether something was moved to the top instead."""
        moved = False
        with os.scandir(fd) as entries:
            listed = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        for name, directory in listed:
            if not directory:
                self._unlink(fd, name)
            elif depth >= _DEEPEST:
                self._moved += 1
                os.rename(name, f".deep-{os.getpid():x}-{self._moved:x}", src_dir_fd=fd, dst_dir_fd=top)
                moved = True
            else:
                try:
                    below = self._open(fd, name)
                except FileNotFoundError:
                    continue
                try:
                    moved = self._empty(below, top, depth + 1) or moved
                finally:
                    os.close(below)
                self._rmdir(fd, name)
        return moved

    def _open(self, parent: int, name: str) -> int:
        try:
            fd = os.open(name, _OPEN_DIRECTORY, dir_fd=parent)
        except PermissionError:
            os.chmod(name, 0o700, dir_fd=parent)
            fd = os.open(name, _OPEN_DIRECTORY, dir_fd=parent)
        if os.fstat(fd).st_dev != os.fstat(parent).st_dev:
            os.close(fd)
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), name)
        return fd

    def _unlink(self, parent: int, name: str) -> None:
        try:
            os.unlink(name, dir_fd=parent)
        except FileNotFoundError:
            pass
        except PermissionError:
            _unprotect(parent, name)
            os.unlink(name, dir_fd=parent)

    def _rmdir(self, parent: int, name: str) -> None:
        try:
            os.rmdir(name, dir_fd=parent)
        except FileNotFoundError:
            pass
        except PermissionError:
            _unprotect(parent, name)
            os.rmdir(name, dir_fd=parent)

    def _is_directory(self, parent: int, name: str) -> bool:
        return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)


def _unprotect(parent: int, name: str) -> None:
    """Lift what keeps `name` from being removed: the directory's mode, and immutable flags on both."""
    if os.geteuid() != 0:
        os.fchmod(parent, 0o700)
    _clear_flags(parent)
    try:
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=parent)
            try:
                _clear_flags(fd)
            finally:
                os.close(fd)
    except OSError:
        return  # the removal that follows tells what is wrong


def _clear_flags(fd: int) -> None:
    try:
        _change_flags(fd, clear=_IMMUTABLE_OR_APPEND)
    except OSError:
        return  # a file system without such flags


def _change_flags(fd: int, *, clear: int = 0, set: int = 0) -> None:
    from fcntl import ioctl

    flags = int.from_bytes(ioctl(fd, _GET_FLAGS, b"\0" * 8)[:4], "little")
    wanted = flags & ~clear | set
    if wanted != flags:
        ioctl(fd, _SET_FLAGS, wanted.to_bytes(8, "little"))


def _mount_point_below(path: str) -> str | None:
    """A mount point in or below `path`, if there is one: emptying it would empty what is mounted."""
    real = os.path.realpath(os.path.dirname(path)) + "/" + os.path.basename(path)
    try:
        with open("/proc/self/mountinfo", "rb") as lines:
            for line in lines:
                raw = line.split(b" ", 5)[4]
                if b"\\" in raw:
                    for code, byte in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n"), (b"\\134", b"\\")):
                        raw = raw.replace(code, byte)
                mounted = os.fsdecode(raw)
                if mounted == real or mounted.startswith(real + "/"):
                    return mounted
    except OSError:
        return None  # no /proc: the walk still refuses to enter another file system
    return None
