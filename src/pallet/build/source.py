"""Where files of a build come from: a directory tree, read without ever leaving it.

A tree is a build context with its ignore rules, or the root file system of a stage or an image. Names are matched as
Go's filepath.Match has it, one component after the other; symlinks on the way are followed inside the tree.
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from operator import attrgetter

import msgspec

from pallet.build.seen import Seen
from pallet.build.view import real_path
from pallet.dockerfile.ignore import IgnoreRules
from pallet.dockerfile.wildcards import component_matches
from pallet.errors import HostError, InvalidInput
from pallet.host.inroot import open_in_root

_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_WILDCARDS = frozenset("*?[\\")
_name = attrgetter("name")


class Entry(msgspec.Struct, frozen=True):
    """A file of a tree.

    Attributes:
        path: relative to the tree's root; no symlink is on the way to it.
        status: what lstat(2) says.
        link: a symlink's text.
    """

    path: str
    status: os.stat_result
    link: str = ""

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.status.st_mode)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.status.st_mode)


class Tree:
    """A directory tree to copy from.

    Args:
        root: its root, an open directory.
        ignore: what is not in it.
        keeps_owners: whether its files' owners mean something, as a stage's do; a context's do not.
        stable: whether (device, inode) tells its files apart in later builds too, as on a disk.
        seen: told of all that is looked at.
    """

    def __init__(
        self,
        root: int,
        *,
        ignore: IgnoreRules | None = None,
        keeps_owners: bool = False,
        stable: bool = False,
        seen: Seen | None = None,
    ) -> None:
        self.root = root
        self.keeps_owners = keeps_owners
        self.stable = stable
        self.since = time.time_ns()  # nothing has been looked at before
        self._ignore = ignore if ignore is not None and ignore.rules else None
        self._seen = seen or Seen()

    def find(self, pattern: str, *, base: str = "", deep: bool = False) -> list[str]:
        """The paths that a COPY's source means, in byte order, as they are called (symlinks not followed).

        A pattern without wildcards means one path, which must be there.

        Args:
            pattern: relative to the base.
            base: a directory.
            deep: whether `**` is any number of directories.

        Raises:
            InvalidInput: it is not there, or the pattern is none.
        """
        cleaned = posixpath.normpath("/" + pattern).lstrip("/")
        if not _WILDCARDS.intersection(cleaned):
            path = posixpath.join(base, cleaned).rstrip("/")
            if path and not self._has(path):
                raise InvalidInput(
                    f'failed to compute cache key: failed to calculate checksum of ref: "/{path}": not found'
                )
            return [path]
        found = [base]
        parts = cleaned.split("/")
        for index, part in enumerate(parts):
            last = index == len(parts) - 1
            if deep and part == "**" and not last:
                found = [path for top in found for path in (top, *self._directories(top))]
                continue
            found = [path for base in found for path in self._matching(base, part, last=last)]
        return sorted((path for path in dict.fromkeys(found) if self._has(path)), key=os.fsencode)

    def resolve(self, path: str) -> str:
        """Where a path leads, symlinks followed inside the tree.

        Raises:
            InvalidInput: nowhere.
        """
        try:
            real = real_path(self.root, path)
        except OSError as error:
            raise self._missing(path, error) from error
        if real != path:
            self._seen.doubt()
        if real and not self._has(real):
            raise self._missing(path, FileNotFoundError())
        return real

    def entry(self, path: str) -> Entry:
        """One file. Raises InvalidInput if it is not there."""
        try:
            status = os.stat(path or ".", dir_fd=self.root, follow_symlinks=False)
            link = os.readlink(path, dir_fd=self.root) if stat.S_ISLNK(status.st_mode) else ""
        except OSError as error:
            raise self._missing(path, error) from error
        self._seen.note(path, status)
        return Entry(path, status, link)

    def below(self, path: str, wanted: Callable[[str, bool], bool] | None = None) -> Iterator[Entry]:
        """All that is in a directory, parents before what is in them, names in byte order; sockets are left out.

        Args:
            path: the directory; no symlink is on the way.
            wanted: called with a path relative to the directory and whether it is one itself; a directory that is not
                wanted is looked into all the same, and comes if something in it is wanted.

        Raises:
            HostError: it cannot be read.
        """
        try:
            top = open_in_root(self.root, path or ".", _OPEN_DIRECTORY)
        except OSError as error:
            raise HostError(f"cannot read {path or '/'}: {error.strerror}") from error
        self._seen.note(path, os.fstat(top))
        yield from self._walk(top, path, "", wanted)

    def mode_of(self, entry: Entry) -> int:
        """An entry's `st_mode`; a context's own directory is always 0755, as docker sends no mode for it."""
        if not entry.path and not self.keeps_owners:
            return stat.S_IFDIR | 0o755
        return entry.status.st_mode

    def open(self, path: str) -> int:
        """Open a regular file for reading. Raises OSError."""
        return open_in_root(self.root, path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY)

    def _walk(self, top: int, base: str, inner: str, wanted: Callable[[str, bool], bool] | None) -> Iterator[Entry]:
        """One loop with a stack, for a tree may be deeper than Python's stack; closes `top`."""
        stack = [(top, f"{base}/" if base else "", inner, iter(_listing(top)))]
        held: list[Entry] = []  # directories that come only if something in them does
        depths: list[int] = []
        try:
            while stack:
                fd, prefix, relative, listed = stack[-1]
                for found in listed:
                    name = found.name
                    path = prefix + name
                    try:
                        status = found.stat(follow_symlinks=False)
                        kind = stat.S_IFMT(status.st_mode)
                        link = os.readlink(name, dir_fd=fd) if kind == stat.S_IFLNK else ""
                    except FileNotFoundError:
                        continue
                    if kind == stat.S_IFSOCK:
                        continue
                    ignored = self._ignore is not None and self._ignore.matches(path)
                    if wanted is not None and not ignored:
                        ignored = not wanted(relative + name, kind == stat.S_IFDIR)
                    entry = Entry(path, status, link)
                    if not ignored:
                        self._seen.note(path, status)
                        if held:
                            yield from held
                            held.clear()
                            depths.clear()
                        yield entry
                    if kind != stat.S_IFDIR or (ignored and self._pruned(path, wanted)):
                        continue
                    if ignored:
                        self._seen.note(path, status)
                        held.append(entry)
                        depths.append(len(stack))
                    below = _open_below(fd, name, path)
                    if below >= 0:
                        stack.append((below, path + "/", f"{relative}{name}/", iter(_listing(below))))
                        break
                else:
                    os.close(fd)
                    stack.pop()
                    while depths and depths[-1] >= len(stack):
                        depths.pop()
                        held.pop()
        finally:
            for fd, _, _, _ in stack:
                os.close(fd)

    def _pruned(self, path: str, wanted: Callable[[str, bool], bool] | None) -> bool:
        return wanted is None and self._ignore is not None and self._ignore.prunes(path)

    def _directories(self, base: str) -> Iterator[str]:
        """All directories below one; no symlink is followed."""
        with suppress(HostError):
            yield from (entry.path for entry in self.below(base) if entry.is_directory)

    def _matching(self, base: str, part: str, *, last: bool) -> Iterator[str]:
        try:
            fd = open_in_root(self.root, base or ".", os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            return
        try:
            self._seen.note(base, os.fstat(fd))
            names = [entry.name for entry in _listing(fd)] if _WILDCARDS.intersection(part) else [part]
            for name in names:
                if name == part or component_matches(part, name):
                    yield f"{base}/{name}" if base else name
        finally:
            os.close(fd)

    def _has(self, path: str) -> bool:
        """Whether a path is in the tree: there, and not ignored; an ignored directory with something in it counts."""
        try:
            parent = real_path(self.root, posixpath.dirname(path))
            name = posixpath.basename(path)
            real = f"{parent}/{name}" if parent else name
            status = os.stat(real, dir_fd=self.root, follow_symlinks=False)
        except OSError:
            return False
        if real != path:
            self._seen.doubt()
        self._seen.note(real, status)
        if self._ignore is None or not self._ignore.matches(real):
            return True
        if not stat.S_ISDIR(status.st_mode) or self._ignore.prunes(real):
            return False
        return next(self.below(real), None) is not None

    def _missing(self, path: str, error: OSError) -> InvalidInput:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, None):
            return InvalidInput(
                f'failed to compute cache key: failed to calculate checksum of ref: "/{path}": not found'
            )
        return InvalidInput(f'cannot read "/{path}": {error.strerror}')


def _listing(fd: int) -> list[os.DirEntry[str]]:
    """What is in a directory, in the byte order of the names; its entries can be asked while it is open."""
    with os.scandir(fd) as entries:
        listed = list(entries)
    plain = all(entry.name.isascii() for entry in listed)
    listed.sort(key=_name if plain else lambda entry: os.fsencode(entry.name))
    return listed


def _open_below(fd: int, name: str, path: str) -> int:
    """Open a directory in a directory; -1 if it is not there any more. Raises HostError."""
    try:
        return os.open(name, _OPEN_DIRECTORY, dir_fd=fd)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return -1
        raise HostError(f"cannot read {path}: {error.strerror}") from error
