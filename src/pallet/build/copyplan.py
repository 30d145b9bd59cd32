"""What a COPY puts where: sources laid out over a stage's root file system, with docker's rules.

A directory's contents go into the destination, a file becomes it, or goes into it if it is a directory. Symlinks on the
way to the destination are followed inside the root; below it nothing is followed: a directory that meets a symlink, or
a file that meets a directory, is an error, or takes its place if it comes out of an archive. Source: Dockerfile
reference, "COPY"; behaviour checked against BuildKit.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Callable

import msgspec

from pallet.build.source import Entry, Tree
from pallet.build.view import is_directory, lstat_in_root
from pallet.errors import InvalidInput
from pallet.layer import whiteout

_MOST_LINKS = 255
_DIRECTORY_MODE = stat.S_IFDIR | 0o755


class Item(msgspec.Struct, frozen=True):
    """One entry of the layer to be.

    Attributes:
        path: in the root, without a leading slash.
        mode: as in `st_mode`.
        mtime: in nanoseconds.
        tree, entry: where content, link and extended attributes come from; None for a directory of our own making.
        existing: a directory that is below already, and is listed with what it has there.
    """

    path: str
    mode: int
    uid: int
    gid: int
    mtime: int
    tree: Tree | None = None
    entry: Entry | None = None
    existing: bool = False


class Piece(msgspec.Struct, frozen=True):
    """One source.

    Attributes:
        tree: where it is.
        path: its path there, symlinks followed; what `entries` are relative to.
        name: what it is called in a directory.
        entries: it, if it is no directory; else all that is in it.
        itself: it.
        parents: its parent directories, outermost first, which come with it, and so does a directory itself
            (`COPY --parents`); None if only what is in a directory counts.
        unpacked: it stands for an archive, whose owners and modes are as they are.
    """

    tree: Tree
    path: str
    name: str
    entries: tuple[Entry, ...]
    itself: Entry
    parents: tuple[Entry, ...] | None = None
    unpacked: bool = False


class CopyPlan:
    """A layer in the making.

    Args:
        root: the stage's root directory, open; empty for a stage without layers.
        owner: user and group of all that comes; None for what the source says, or root for a context.
        chmod: what happens to modes; None for nothing.
        clock: gives a time in nanoseconds from the source's.
    """

    def __init__(
        self,
        root: int,
        *,
        owner: tuple[int, int] | None = None,
        chmod: Callable[[int], int] | None = None,
        clock: Callable[[int], int] = lambda time: time,
    ) -> None:
        self._root = root
        self._owner = owner
        self._chmod = chmod
        self._clock = clock
        self._items: dict[str, Item] = {}
        self._fresh: set[str] = set()  # directories that are not below, so that nothing in them is

    def items(self) -> list[Item]:
        """All entries, parents before what is in them, in byte order."""
        return [self._items[path] for path in sorted(self._items, key=lambda path: os.fsencode(path).split(b"/"))]

    def copy(self, piece: Piece, destination: str, *, into: bool) -> None:
        """Put one source at a destination.

        Args:
            destination: an absolute path.
            into: whether the destination is a directory, there or not.

        Raises:
            InvalidInput: something is in the way.
        """
        target = self.resolve(destination)
        if piece.parents is not None:
            self.directories(target)
            for parent in piece.parents:
                target = posixpath.join(target, posixpath.basename(parent.path))
                self._put_directory(target, piece.tree, parent)
            target = posixpath.join(target, piece.name)
        elif not piece.itself.is_directory and (into or self._is_directory(target)):
            self.directories(target)
            target = posixpath.join(target, piece.name)
        else:
            self.directories(posixpath.dirname(target))
        if not piece.itself.is_directory:
            self._put(target, piece.tree, piece.itself)
            return
        if piece.parents is not None:
            self._put_directory(target, piece.tree, piece.itself)
        else:
            self.directories(target)  # only what is in it is copied
        skip = len(piece.path) + 1 if piece.path else 0
        for entry in piece.entries:
            path = posixpath.join(target, entry.path[skip:])
            if entry.is_directory:
                self._put_directory(path, piece.tree, entry, unpacked=piece.unpacked)
            else:
                self._put(path, piece.tree, entry, unpacked=piece.unpacked)

    def directories(self, path: str) -> None:
        """Have a directory, and its parents; those that are not there are 0755.

        Raises:
            InvalidInput: something else is in the way.
        """
        if not path:
            return
        self._parents(path)
        if path in self._items:
            if not stat.S_ISDIR(self._items[path].mode):
                raise InvalidInput(f"mkdir /{path}: not a directory")
            return
        found = self._below(path)
        if found is None:
            uid, gid = self._owner or (0, 0)
            self._fresh.add(path)
            self._add(Item(path, _DIRECTORY_MODE, uid, gid, self._clock(self._time_of(posixpath.dirname(path)))))
        elif is_directory(found):
            self._add_existing(path, found)
        else:
            raise InvalidInput(f"mkdir /{path}: not a directory")

    def has_directory(self, path: str) -> bool:
        """Whether there is a directory at a path without symlinks already."""
        return self._is_directory(path)

    def resolve(self, path: str) -> str:
        """Where a path leads in the root: symlinks followed inside, missing names taken as they are.

        Raises:
            InvalidInput: too many symlinks.
        """
        waiting = [part for part in path.split("/") if part not in ("", ".")][::-1]
        done: list[str] = []
        links = 0
        while waiting:
            part = waiting.pop()
            if part == ".":
                continue
            if part == "..":
                if done:
                    done.pop()
                continue
            here = "/".join([*done, part])
            planned = self._items.get(here)
            if planned is not None and planned.entry is not None:
                text = planned.entry.link
            else:
                found = self._below(here)
                linked = found is not None and stat.S_ISLNK(found.st_mode)
                text = os.readlink(here, dir_fd=self._root) if linked else ""
            if not text:
                done.append(part)
                continue
            links += 1
            if links > _MOST_LINKS:
                raise InvalidInput(f"{path}: too many levels of symbolic links")
            if text.startswith("/"):
                done.clear()
            waiting += [word for word in text.split("/") if word][::-1]
        return "/".join(done)

    def _below(self, path: str) -> os.stat_result | None:
        parent = posixpath.dirname(path)
        if parent and parent in self._fresh:
            return None
        return lstat_in_root(self._root, path)

    def _is_directory(self, path: str) -> bool:
        planned = self._items.get(path)
        if planned is not None:
            return stat.S_ISDIR(planned.mode)
        return not path or is_directory(self._below(path))

    def _parents(self, path: str) -> None:
        parent = posixpath.dirname(path)
        if parent and parent not in self._items:
            self.directories(parent)

    def _put_directory(self, path: str, tree: Tree, entry: Entry, *, unpacked: bool = False) -> None:
        if not path:
            return
        self._parents(path)
        planned = self._items.get(path)
        if planned is not None:
            blocked = not stat.S_ISDIR(planned.mode)
        else:
            found = self._below(path)
            blocked = found is not None and not is_directory(found)
            if found is None or (blocked and unpacked):
                self._fresh.add(path)
        if blocked and not unpacked:
            raise InvalidInput(f"cannot copy to non-directory: /{path}")
        self._add(self._item(path, tree, entry, unpacked))

    def _put(self, path: str, tree: Tree, entry: Entry, *, unpacked: bool = False) -> None:
        self._parents(path)
        planned = self._items.get(path)
        if planned is not None:
            blocked = stat.S_ISDIR(planned.mode)
        else:
            blocked = not path or is_directory(self._below(path))
        if blocked and not (unpacked and path):
            raise InvalidInput(f"cannot replace to directory /{path} with file")
        if blocked and planned is not None:
            self._items = {name: item for name, item in self._items.items() if not name.startswith(f"{path}/")}
        self._add(self._item(path, tree, entry, unpacked))

    def _item(self, path: str, tree: Tree, entry: Entry, unpacked: bool) -> Item:
        status = entry.status
        mode = tree.mode_of(entry)
        if self._chmod is not None and not entry.link and not unpacked:
            mode = stat.S_IFMT(mode) | self._chmod(mode)
        own = (status.st_uid, status.st_gid) if tree.keeps_owners else (0, 0)
        uid, gid = own if unpacked or self._owner is None else self._owner
        return Item(path, mode, uid, gid, self._clock(status.st_mtime_ns), tree, entry)

    def _add_existing(self, path: str, found: os.stat_result) -> None:
        mtime = self._clock(found.st_mtime_ns)
        self._add(Item(path, found.st_mode, found.st_uid, found.st_gid, mtime, existing=True))

    def _add(self, item: Item) -> None:
        if os.fsencode(posixpath.basename(item.path)).startswith(whiteout.PREFIX):
            raise InvalidInput(f"/{item.path}: a layer cannot hold a file whose name begins with .wh.")
        self._items[item.path] = item

    def _time_of(self, directory: str) -> int:
        """The time of a directory in the making: that of the one it is in."""
        planned = self._items.get(directory)
        if planned is not None:
            return planned.mtime
        found = lstat_in_root(self._root, directory)
        return found.st_mtime_ns if found is not None else 0
