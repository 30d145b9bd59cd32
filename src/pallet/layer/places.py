"""Places for a tar's entries: the way to a name is made free, its missing parents are made.

All names are relative to the working directory, which is the process's root as well (see `worker`).
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from typing import TypeVar

from pallet.errors import UnsafeArchive

_T = TypeVar("_T")


class Places:
    """The tree that an `Extractor` fills, and what is known of it."""

    def __init__(self, *, fresh: bool) -> None:
        self._uid = os.geteuid()
        self._gid = os.getegid()
        root = os.stat(b".")
        # Whether a new file has our ids and the mode it is opened with: no setgid directory, no default ACL so far.
        self._plain = fresh and root.st_gid == self._gid and not root.st_mode & stat.S_ISGID
        if b"system.posix_acl_default" in map(os.fsencode, os.listxattr(b".")):
            self._plain = False
        self._times: dict[bytes, int] = {}  # directories' mtimes, set at the end
        self.size = 0
        self.implicit: dict[bytes, None] = {b".": None} if fresh else {}
        self.foreign: dict[bytes, bytes] = {}

    # what subclasses decide

    def _replaced(self, path: bytes) -> None:
        """The new directory at `path` takes the place of something that was no directory."""

    def _counts(self, path: bytes) -> bool:
        """Whether the file at `path`, about to be removed, was counted in `size`."""
        return True

    def _yields(self, path: bytes) -> bool:
        """Whether what is at `path` gives way to a directory that the tar lacks; if so, it is removed."""
        return False

    # the tree

    def _make(self, path: bytes, make: Callable[[], _T]) -> _T:
        try:
            return make()
        except OSError as error:
            return self._again(path, error, make)

    def _again(self, path: bytes, error: OSError, make: Callable[[], _T]) -> _T:
        """`make` failed with `error`: remove what is in its way, or make its parents, and call it again."""
        for _ in range(2):
            if not path:
                raise UnsafeArchive("the tar replaces the root directory by something else")
            if error.errno == errno.EEXIST:
                self._remove(path)
            elif error.errno in (errno.ENOENT, errno.ENOTDIR):
                self._make_parents(path)
            else:
                raise error
            try:
                return make()
            except OSError as still:
                error = still
        raise error

    def _real(self, path: bytes) -> bytes:
        """`path` with the symlinks among its parents resolved."""
        parent, slash, name = path.rpartition(b"/")
        real = os.path.realpath(b"/" + parent)[1:] if slash else b""
        return real + b"/" + name if real else name

    def _make_parents(self, path: bytes) -> None:
        """Make the directories above `path` that are missing, behind symlinks too."""
        parents = self._real(path).split(b"/")[:-1]
        for depth in range(1, len(parents) + 1):
            parent = b"/".join(parents[:depth])
            try:
                os.mkdir(parent, 0o755)
            except FileExistsError:
                if not self._yields(parent):
                    continue
                os.mkdir(parent, 0o755)
                self._replaced(parent)
            self.implicit[parent] = None
            self._times[parent] = 0
            if not self._plain:
                os.chown(parent, self._uid, self._gid)
                os.chmod(parent, 0o755)

    def _remove(self, path: bytes) -> None:
        """Remove what is at `path`, with all below it, and forget it."""
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            self._unlink(path)
            return
        directories = [path]
        for directory in directories:  # the list grows meanwhile; no recursion, for a tar may nest two thousand deep
            with os.scandir(directory) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        directories.append(entry.path)
                    else:
                        self._unlink(entry.path)
        for directory in reversed(directories):
            os.rmdir(directory)
            self._times.pop(directory, None)
            self.implicit.pop(directory, None)
        for name in [name for name in self.foreign if name.startswith(path + b"/")]:
            del self.foreign[name]

    def _unlink(self, path: bytes) -> None:
        found = os.lstat(path)
        if found.st_nlink == 1 and self._counts(path):
            self.size -= found.st_size
        os.unlink(path)
