"""The tree that an overlay of layers would show, read from the layers themselves: nothing is mounted.

Through a mounted overlay each file is looked up in the layers and then opened, and what an EROFS image holds is copied
into the page cache a second time; that costs more than all the rest of an export. These are overlayfs's rules without
what our mounts have switched off (redirects, metadata-only copies): the topmost layer that has a name decides what is
there, and directories show what is in the directories of that name below them, too, down to an opaque one or to
something else than a directory. Source: Linux, Documentation/filesystems/overlayfs.rst.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from typing import Protocol

from pallet.host.erofs import image_of
from pallet.host.xattrs import read_xattrs
from pallet.layer import tarformat as tf
from pallet.layer import whiteout
from pallet.layer.compress import Writable
from pallet.layer.erofs.ondisk import FILE_TYPES, ReadInode
from pallet.layer.erofs.read import LayerImage
from pallet.layer.packer import OPEN, TYPES, VANISHED, Packer, reading

_IMAGE_DIRECTORY = FILE_TYPES[stat.S_IFDIR]
_MOST_OPEN = 256  # directories; a process may have 1024 files open, where nobody has changed that


def write_layers(layers: Sequence[str], out: Writable, *, userxattr: bool = False) -> int:
    """Write the tree of an overlay, the same bytes as of it mounted, as one layer.

    Args:
        layers: the directories that it is made of, top first; the topmost may be in use. Those that are images are
            read from these, and may be mounted or not.
        out: takes the tar.
        userxattr: opaque directories are marked by `user.` attributes.

    Returns:
        The sizes of all that is no directory, each inode counted once.

    Raises:
        HostError: a layer cannot be read.
        Integrity: an image is damaged.
    """
    packer = Packer(out)
    mark = whiteout.opaque_mark(userxattr)
    with ExitStack() as stack, reading(layers[0] if layers else "/"):
        roots: list[_Directory] = []
        for number, layer in enumerate(layers):
            if os.path.exists(image_of(layer)):
                image = stack.enter_context(LayerImage(image_of(layer)))
                roots.append(_ImageDirectory(packer, image, number, image.root))
            else:
                fd = os.open(layer, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                roots.append(stack.enter_context(closing(_DiskDirectory(packer, fd, mark, None, b""))))
        _walk(packer, roots)
        packer.tar.close()
    return packer.size


class _Directory(Protocol):
    """What one layer has of a directory."""

    @property
    def status(self) -> os.stat_result | ReadInode: ...
    @property
    def xattrs(self) -> dict[str, bytes]: ...
    @property
    def opaque(self) -> bool: ...

    def entries(self) -> Iterator[tuple[bytes, bool]]:
        """The names in it, and whether that is a directory."""

    def enter(self, name: bytes) -> _Directory:
        """A directory in it."""

    def pack(self, name: bytes, path: bytes) -> None:
        """Write something else in it, but no whiteout."""

    def close(self) -> None:
        """Close it; whatever needs it open opens it again."""


def _walk(packer: Packer, roots: list[_Directory]) -> None:
    """Write all below the directory that these are the layers of."""
    stack = [(roots, b"", _merged(roots))]
    opened = len(roots)
    try:
        while stack:
            parts, prefix, names = stack[-1]
            found = next(names, None)
            if found is None:
                stack.pop()
                _close(parts if stack else [])
                opened -= len(parts)
                continue
            name, file, directories = found
            path = prefix + name
            try:
                if file is not None:
                    file.pack(name, path)
                    continue
                below = _enter(name, directories)
            except OSError as error:
                if error.errno not in VANISHED:
                    raise
                continue
            packer.add(path + b"/", tf.DIRECTORY, below[0].status, below[0].xattrs)
            if opened > _MOST_OPEN and len(stack) > 1:
                _close(parts)
            opened += len(below)
            stack.append((below, path + b"/", _merged(below)))
    finally:
        for parts, _, _ in stack[1:]:
            _close(parts)


def _merged(parts: Sequence[_Directory]) -> Iterator[tuple[bytes, _Directory | None, list[_Directory]]]:
    """The names that show, in order: with the layer that has the file, or with those whose directories are merged."""
    files: dict[bytes, _Directory] = {}
    directories: dict[bytes, list[_Directory]] = {}
    decided: set[bytes] = set()  # what lower layers have of these does not show
    for part in parts:
        for name, is_directory in part.entries():
            if name in decided:
                continue
            if is_directory:
                directories.setdefault(name, []).append(part)
                continue
            decided.add(name)
            if name not in directories:
                files[name] = part
    for name in sorted([*files, *directories]):
        yield name, files.get(name), directories.get(name, [])


def _enter(name: bytes, parts: Sequence[_Directory]) -> list[_Directory]:
    entered: list[_Directory] = []
    try:
        for part in parts:
            entered.append(part.enter(name))
            if entered[-1].opaque:
                break
    except BaseException:
        _close(entered)
        raise
    return entered


def _close(parts: Sequence[_Directory]) -> None:
    for part in parts:
        part.close()


class _DiskDirectory:
    """A directory of a layer that is a tree.

    Args:
        packer: takes what is in it.
        fd: the directory, opened.
        mark: the xattr of an opaque one.
        parent, name: where it is; the root of a layer, which stays open, is nowhere.
    """

    def __init__(self, packer: Packer, fd: int, mark: str, parent: _DiskDirectory | None, name: bytes) -> None:
        self._packer = packer
        self._fd = fd
        self._mark = mark
        self._parent = parent
        self._name = name
        self._files: set[bytes] = set()
        self.status = os.fstat(fd)
        self.xattrs = read_xattrs(fd)
        self.opaque = self.xattrs.get(mark) == b"y"

    def entries(self) -> Iterator[tuple[bytes, bool]]:
        with os.scandir(self._opened()) as entries:
            for entry in entries:
                name = os.fsencode(entry.name)
                if entry.is_file(follow_symlinks=False):
                    self._files.add(name)
                yield name, entry.is_dir(follow_symlinks=False)

    def enter(self, name: bytes) -> _DiskDirectory:
        fd = os.open(name, OPEN | os.O_DIRECTORY, dir_fd=self._opened())
        try:
            return _DiskDirectory(self._packer, fd, self._mark, self, name)
        except BaseException:
            os.close(fd)
            raise

    def pack(self, name: bytes, path: bytes) -> None:
        fd, text = self._opened(), os.fsdecode(name)
        if name in self._files:
            self._packer.file(fd, text, path)
            return
        found = os.stat(text, dir_fd=fd, follow_symlinks=False)
        if not whiteout.is_whiteout(found):
            self._packer.special(fd, text, path, found)

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _opened(self) -> int:
        if self._fd < 0:
            closed = [self]
            while (parent := closed[-1]._parent) is not None and parent._fd < 0:
                closed.append(parent)
            assert parent is not None, "the root of a layer stays open"
            at = parent._fd
            for each in reversed(closed):
                try:
                    below = os.open(each._name, OPEN | os.O_DIRECTORY, dir_fd=at)
                finally:
                    if at != parent._fd:
                        os.close(at)
                at = below
            self._fd = at
        return self._fd


class _ImageDirectory:
    """A directory in an image."""

    def __init__(self, packer: Packer, image: LayerImage, number: int, nid: int) -> None:
        self._packer = packer
        self._image = image
        self._number = number  # the layer's
        self._nids: dict[bytes, int] = {}
        self.status = image.inode(nid)
        self.xattrs = _named(self.status)
        self.opaque = self.status.xattrs.get(_IMAGE_MARK) == b"y"

    def entries(self) -> Iterator[tuple[bytes, bool]]:
        for name, nid, kind in self._image.entries(self.status):
            self._nids[name] = nid
            yield name, kind == _IMAGE_DIRECTORY

    def enter(self, name: bytes) -> _ImageDirectory:
        return _ImageDirectory(self._packer, self._image, self._number, self._nids[name])

    def pack(self, name: bytes, path: bytes) -> None:
        packer, image = self._packer, self._image
        nid = self._nids[name]
        found = image.inode(nid)
        # No device has a negative number.
        if whiteout.is_whiteout(found) or (found.st_nlink > 1 and packer.is_link(path, found, (~self._number, nid))):
            return
        kind = stat.S_IFMT(found.st_mode)
        if kind == stat.S_IFREG:
            packer.add(path, tf.REGULAR, found, _named(found), size=found.st_size)
            for fd, offset, length in image.extents(nid, found):
                if fd < 0:
                    packer.tar.fill(length)
                else:
                    packer.tar.copy(fd, length, offset)
        else:
            text = image.link(nid, found) if kind == stat.S_IFLNK else b""
            packer.add(path, TYPES[kind], found, _named(found), linkname=text)
        if kind in (stat.S_IFREG, stat.S_IFLNK):
            packer.size += found.st_size

    def close(self) -> None:
        """Nothing to do: the image is closed at the end."""


_IMAGE_MARK = os.fsencode(whiteout.opaque_mark(False))


def _named(inode: ReadInode) -> dict[str, bytes]:
    return {os.fsdecode(name): value for name, value in inode.xattrs.items()} if inode.xattrs else {}
