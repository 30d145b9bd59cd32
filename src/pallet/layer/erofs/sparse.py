"""The data of sparse files. A tar packs the stretches that hold data one right behind the other, at any offset, where
EROFS wants chunks of whole blocks: so the chunks that hold data are copied out of the tar, and the others are holes.
"""

from __future__ import annotations

import os
import struct

from pallet.errors import Unsupported
from pallet.host.files import write_all
from pallet.layer.erofs import ondisk
from pallet.layer.erofs.ondisk import BLOCK
from pallet.layer.erofs.tree import Node

_SMALLEST = 3  # chunks have at least 2 ** 3 blocks, a page
_MOST_CHUNKS = 1 << 16
_LARGEST_FILE = 1 << 40
_MOST_MAPS = 64 << 20  # bytes of all maps together
_PIECE = 1 << 20


class SparseData:
    """The sparse files of one image; `files` are those that were added.

    Args:
        tar: the file with the tar, open for reading.
        tar_start: where in it the tar begins.
    """

    def __init__(self, tar: int, tar_start: int) -> None:
        self._tar = tar
        self._tar_start = tar_start
        self.files: list[tuple[int, Node]] = []
        self._maps = 0

    @staticmethod
    def map_size(node: Node) -> int:
        """Bytes of the block map that follows the inode of a sparse file."""
        return 4 * -(-node.size // (BLOCK << _chunk_bits(node)))

    def add(self, position: int, node: Node) -> int:
        """Take a file whose map will be at `position` in the image; gives its chunk format.

        Raises:
            Unsupported: the maps of all files are too large together, or the tar cannot be read.
        """
        if self._tar < 0:
            raise Unsupported("a sparse file in a tar that cannot be read")
        self.files.append((position, node))
        self._maps += self.map_size(node)
        if self._maps > _MOST_MAPS:
            raise Unsupported("too many sparse files")
        return _chunk_bits(node)

    def write(self, fd: int, start: int, *, limit: int) -> int:
        """Copy the data out of the tar, and write the maps.

        Args:
            fd: the image.
            start: where the data goes.
            limit: how many bytes it may take.

        Returns:
            Where it ends.

        Raises:
            Unsupported: it takes more.
        """
        end = start
        for position, node in self.files:
            chunk = BLOCK << _chunk_bits(node)
            addresses = [ondisk.NO_BLOCK] * (self.map_size(node) // 4)
            assert isinstance(node.data, int)
            source = self._tar_start + node.data
            for offset, length in node.sparse or ():
                if not length:
                    continue
                for number in range(offset // chunk, (offset + length - 1) // chunk + 1):
                    if addresses[number] == ondisk.NO_BLOCK:
                        addresses[number] = end // BLOCK
                        end += chunk
                        if end - start > limit:
                            raise Unsupported("a sparse file with data in too many places")
                _copy(self._tar, source, fd, addresses[offset // chunk] * BLOCK + offset % chunk, length)
                source += length
            os.pwrite(fd, struct.pack(f"<{len(addresses)}I", *addresses), position)
        return end


def _chunk_bits(node: Node) -> int:
    """The size of a file's chunks, as a power of two blocks: small, as long as there are not too many."""
    if node.size > _LARGEST_FILE:
        raise Unsupported("a sparse file of more than a terabyte")
    bits = _SMALLEST
    while node.size > _MOST_CHUNKS * (BLOCK << bits):
        bits += 1
    return bits


def _copy(tar: int, source: int, fd: int, target: int, length: int) -> None:
    while length:
        data = os.pread(tar, min(length, _PIECE), source)
        os.lseek(fd, target, os.SEEK_SET)
        write_all(fd, data)
        source += len(data)
        target += len(data)
        length -= len(data)
