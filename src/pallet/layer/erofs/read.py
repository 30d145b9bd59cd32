"""Reading an image without mounting it: as `write` makes them, with the tar inside or in a file beside it."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from types import TracebackType
from typing import NamedTuple

from pallet.errors import HostError, Integrity
from pallet.host.erofs import tar_of
from pallet.layer.erofs import ondisk
from pallet.layer.erofs.ondisk import APART, BLOCK, HEADER, INODE, SLOT, ReadInode

_WINDOW = 16 << 10  # bytes of inodes that are read at once: those of one directory's files lie side by side


class Extent(NamedTuple):
    """A stretch of a file's data: where it lies in which open file; `fd` is -1 for a hole."""

    fd: int
    offset: int
    length: int


class LayerImage:
    """An image, opened; as a context it closes itself.

    Args:
        path: the image.

    Attributes:
        root: the inode number of its root directory.

    Raises:
        Integrity: from all methods, too: the image is damaged.
        HostError: from all methods, too: it cannot be read.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = self._tar = -1
        self._window = b""
        self._window_at = 0
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            if os.path.exists(tar_of(path)):
                self._tar = os.open(tar_of(path), os.O_RDONLY | os.O_CLOEXEC)
            self._sizes = {fd: os.fstat(fd).st_size for fd in (self._fd, self._tar) if fd >= 0}
            superblock = ondisk.read_superblock(self._read(0, HEADER))
            if superblock is None:
                raise Integrity(f"{path} is no image of a layer")
        except OSError as error:
            self.close()
            raise HostError(f"cannot open {error.filename}: {error.strerror}") from error
        except BaseException:
            self.close()
            raise
        self.root = superblock.root_nid
        self._inodes = superblock.metadata_block * BLOCK

    def close(self) -> None:
        """Close it."""
        for fd in (self._fd, self._tar):
            if fd >= 0:
                os.close(fd)
        self._fd = self._tar = -1

    def __enter__(self) -> LayerImage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def inode(self, nid: int) -> ReadInode:
        """What an inode says."""
        at = self._see(nid, INODE)
        length = ondisk.inode_length(self._window, at)
        if length > INODE:
            at = self._see(nid, length)
        return ondisk.read_inode(self._window, at)

    def entries(self, inode: ReadInode) -> Iterator[tuple[bytes, int, int]]:
        """The entries of a directory: name, inode number and file type of each."""
        return ondisk.read_directory(self._read(inode.place * BLOCK, inode.st_size))

    def link(self, nid: int, inode: ReadInode) -> bytes:
        """The text of a symlink."""
        if inode.layout == ondisk.INLINE:
            return self._read(self._inodes + SLOT * nid + inode.length, inode.st_size)
        return self._read(inode.place * BLOCK, inode.st_size)

    def extents(self, nid: int, inode: ReadInode) -> Iterator[Extent]:
        """Where the data of a regular file lies, from its start to its end."""
        if inode.layout == ondisk.CHUNKS:
            yield from self._chunks(nid, inode)
        elif inode.place >= APART:
            yield self._extent(self._tar, inode.place - APART, inode.st_size)
        else:
            yield self._extent(self._fd, inode.place, inode.st_size)

    def _chunks(self, nid: int, inode: ReadInode) -> Iterator[Extent]:
        chunk = BLOCK << inode.place
        count = -(-inode.st_size // chunk)
        table = self._read(self._inodes + SLOT * nid + inode.length, 4 * count)
        left = inode.st_size
        for (address,) in struct.iter_unpack("<I", table):
            length = min(chunk, left)
            left -= length
            hole = address == ondisk.NO_BLOCK
            yield Extent(-1, 0, length) if hole else self._extent(self._fd, address, length)

    def _extent(self, fd: int, block: int, length: int) -> Extent:
        if block * BLOCK + length > self._sizes.get(fd, 0):
            raise Integrity(f"{self._path} is damaged: it, or the tar beside it, ends too early")
        return Extent(fd, block * BLOCK, length)

    def _see(self, nid: int, length: int) -> int:
        """Have so many bytes from an inode on in the window; gives where they are in it."""
        place = self._inodes + SLOT * nid
        at = place - self._window_at
        if at < 0 or at + length > len(self._window):
            self._window = self._pread(place, max(length, _WINDOW))
            self._window_at, at = place, 0
            if len(self._window) < length:
                raise Integrity(f"{self._path} is damaged: it ends too early")
        return at

    def _read(self, place: int, length: int) -> bytes:
        data = self._pread(place, length)
        if len(data) < length:
            raise Integrity(f"{self._path} is damaged: it ends too early")
        return data

    def _pread(self, place: int, length: int) -> bytes:
        try:
            return os.pread(self._fd, length, place)
        except OSError as error:
            raise HostError(f"cannot read {self._path}: {error.strerror}") from error
