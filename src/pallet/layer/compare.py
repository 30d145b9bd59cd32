"""Comparing two trees: types, modes, owners, times, extended attributes, hard links, contents."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from pallet.errors import HostError
from pallet.host.xattrs import read_xattrs

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_PIECE = 1 << 20
_KINDS = {
    stat.S_IFREG: "a file",
    stat.S_IFDIR: "a directory",
    stat.S_IFLNK: "a symlink",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
}


def differences(expected: str, found: str) -> Iterator[str]:
    """How the tree at `found` differs from that at `expected`.

    Yields:
        A sentence for each difference. The modification time of the two tops does not count.

    Raises:
        HostError: one of the trees cannot be read.
    """
    links: dict[tuple[int, int], tuple[int, int]] = {}  # inodes of the one tree that are inodes of the other
    stack: list[_Pair] = []
    try:
        # One loop over pairs of open directories: a tree may be deeper than Python's stack, and than a path can be.
        stack.append(_Pair(os.open(expected, _OPEN | os.O_DIRECTORY), os.open(found, _OPEN | os.O_DIRECTORY), ""))
        yield from _metadata(".", os.fstat(stack[0].one), os.fstat(stack[0].two), links)
        yield from stack[0].compare()
        while stack:
            pair = stack[-1]
            if not pair.names:
                stack.pop().close()
                continue
            name = pair.names.pop()
            path = pair.prefix + name
            left, right = (os.stat(name, dir_fd=fd, follow_symlinks=False) for fd in (pair.one, pair.two))
            yield from _metadata(path, left, right, links)
            if stat.S_IFMT(left.st_mode) != stat.S_IFMT(right.st_mode):
                continue
            if stat.S_ISDIR(left.st_mode):
                stack.append(pair.below(name))
                if left.st_mtime_ns != right.st_mtime_ns:
                    yield f"{path}: another modification time"
                yield from stack[-1].compare()
            else:
                yield from pair.leaves(name, left, right)
    except OSError as error:
        where = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else found
        raise HostError(f"cannot read {where}: {error.strerror}") from error
    finally:
        for pair in stack:
            pair.close()


class _Pair:
    """The same directory in both trees, and the names in it that are still to be compared."""

    def __init__(self, one: int, two: int, prefix: str) -> None:
        self.one = one
        self.two = two
        self.prefix = prefix
        self.names: list[str] = []

    def close(self) -> None:
        os.close(self.one)
        os.close(self.two)

    def below(self, name: str) -> _Pair:
        one = os.open(name, _OPEN | os.O_DIRECTORY, dir_fd=self.one)
        try:
            two = os.open(name, _OPEN | os.O_DIRECTORY, dir_fd=self.two)
        except OSError:
            os.close(one)
            raise
        return _Pair(one, two, f"{self.prefix}{name}/")

    def compare(self) -> Iterator[str]:
        """The directory's own attributes, and its names."""
        if read_xattrs(self.one) != read_xattrs(self.two):
            yield f"{self.prefix or './'}: other extended attributes"
        left, right = set(os.listdir(self.one)), set(os.listdir(self.two))
        for name in sorted(left - right):
            yield f"{self.prefix}{name}: missing"
        for name in sorted(right - left):
            yield f"{self.prefix}{name}: does not belong here"
        self.names = sorted(left & right, reverse=True)

    def leaves(self, name: str, left: os.stat_result, right: os.stat_result) -> Iterator[str]:
        """Two things of the same type that are no directories."""
        path = self.prefix + name
        if _is_whiteout(left):
            return  # whatever time it was made at
        if left.st_mtime_ns != right.st_mtime_ns:
            yield f"{path}: another modification time"
        one, two = (read_xattrs(f"/proc/self/fd/{fd}/{name}", follow_symlinks=False) for fd in (self.one, self.two))
        if one != two:
            yield f"{path}: other extended attributes"
        if stat.S_ISLNK(left.st_mode) and os.readlink(name, dir_fd=self.one) != os.readlink(name, dir_fd=self.two):
            yield f"{path}: another target"
        if stat.S_ISREG(left.st_mode):
            if left.st_size != right.st_size:
                yield f"{path}: {right.st_size} bytes instead of {left.st_size}"
            elif not self._same_bytes(name):
                yield f"{path}: the content differs"

    def _same_bytes(self, name: str) -> bool:
        with (
            open(os.open(name, _OPEN, dir_fd=self.one), "rb", buffering=0) as one,
            open(os.open(name, _OPEN, dir_fd=self.two), "rb", buffering=0) as two,
        ):
            while True:
                left = one.read(_PIECE)
                if left != two.read(_PIECE):
                    return False
                if not left:
                    return True


def _metadata(
    path: str, left: os.stat_result, right: os.stat_result, links: dict[tuple[int, int], tuple[int, int]]
) -> Iterator[str]:
    kind, other = stat.S_IFMT(left.st_mode), stat.S_IFMT(right.st_mode)
    if kind != other:
        yield f"{path}: {_KINDS[other]} instead of {_KINDS[kind]}"
        return
    if left.st_mode != right.st_mode:
        yield f"{path}: mode {stat.S_IMODE(right.st_mode):04o} instead of {stat.S_IMODE(left.st_mode):04o}"
    if (left.st_uid, left.st_gid) != (right.st_uid, right.st_gid):
        yield f"{path}: owner {right.st_uid}:{right.st_gid} instead of {left.st_uid}:{left.st_gid}"
    if left.st_rdev != right.st_rdev:
        yield f"{path}: another device"
    if kind != stat.S_IFDIR and not _is_whiteout(left):  # the kernel links whiteouts as it likes
        inode = (right.st_dev, right.st_ino)
        if left.st_nlink != right.st_nlink or links.setdefault((left.st_dev, left.st_ino), inode) != inode:
            yield f"{path}: other hard links"


def _is_whiteout(found: os.stat_result) -> bool:
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == 0
