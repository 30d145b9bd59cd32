"""Writing the metadata of an image.

    0       the header with the superblock
    4096    the layer's tar, as it is: the data of its files is read from here; unless it is a file apart
    M       inodes, the root's first; a directory that the tar lacks has a block of its own, where its metadata can
            be changed later without moving anything
    ...     the data of directories and of long symlinks
    ...     the data of sparse files, which a tar packs too tightly

All of it follows from the tar alone: the same tar gives the same image.
"""

from __future__ import annotations

import os
import stat
from typing import NamedTuple

from pallet.errors import Unsupported
from pallet.host.files import write_all
from pallet.layer.erofs import ondisk
from pallet.layer.erofs.ondisk import BLOCK, HEADER, INODE, SLOT
from pallet.layer.erofs.sparse import SparseData
from pallet.layer.erofs.tree import LayerTree, Node

_ALIGN = 4096
_FLUSH = 1 << 20
_LARGEST_TAR = (1 << 40) - 4096
_SPARSE_ROOM = 64 << 20
_DIRECTORY = ondisk.FILE_TYPES[stat.S_IFDIR]


class Written(NamedTuple):
    """`inode_offsets`: where in the image the inode of each implicit parent is; `size`: docker's of the layer."""

    inode_offsets: tuple[int, ...]
    size: int


def metadata_start(tar_size: int) -> int:
    """Where the metadata of an image begins that holds a tar of this size."""
    return ondisk.round_up(HEADER + tar_size, _ALIGN)


def write_metadata(fd: int, tree: LayerTree, tar_size: int, uuid: bytes, apart: int | None = None) -> Written:
    """Make an image of a file that has the tar already, or of an empty one.

    Args:
        fd: the file, open for reading and writing; the tar is in it from byte `HEADER` on, if it is not `apart`.
        tree: what the tar holds.
        tar_size: the tar's length.
        uuid: the image's, 16 bytes.
        apart: the file with the tar, open for reading; the image will want it as a device when it is mounted.

    Raises:
        Unsupported: the layer has to be unpacked: it is too large, or too sparse.
        OSError: the disk is full, ...
    """
    if tar_size > _LARGEST_TAR:
        raise Unsupported("a layer of more than a terabyte")
    writer = _Writer(fd, tree, tar_size, apart)
    writer.place()
    end = writer.write(limit=min(4 * tar_size + _SPARSE_ROOM, _LARGEST_TAR // 2))
    os.ftruncate(fd, end)
    header = ondisk.header(
        root_nid=tree.root.nid,
        inodes=len(writer.nodes),
        blocks=end // BLOCK,
        metadata_block=writer.start // BLOCK,
        uuid=uuid,
        chunks=bool(writer.sparse.files),
        apart=0 if apart is None else max(1, -(-tar_size // BLOCK)),
    )
    os.pwrite(fd, header, 0)
    offsets = tuple(writer.start + SLOT * node.nid for node in writer.implicit)
    return Written(offsets, sum(node.size for node in writer.nodes))


class _Writer:
    """`nodes` are all inodes, in the order in which they are written."""

    def __init__(self, fd: int, tree: LayerTree, tar_size: int, apart: int | None) -> None:
        self.start = metadata_start(tar_size if apart is None else 0)
        self.nodes: list[Node] = [tree.root]
        self.implicit = [_at(tree.root, path) for path in tree.implicit]
        self.sparse = SparseData(fd if apart is None else apart, HEADER if apart is None else 0)
        self._fd = fd
        self._first = HEADER // BLOCK if apart is None else ondisk.APART  # block of the tar
        self._patched = set(map(id, self.implicit))
        self._end = 0  # of the inodes, from `start`

    def place(self) -> None:
        """Give each inode its place, and each directory its order."""
        cursor = BLOCK  # inode 0 would be none to some programs
        nodes = self.nodes
        patched = self._patched
        for node in nodes:  # the list grows meanwhile
            need = INODE
            if id(node) in patched:
                cursor, need = ondisk.round_up(cursor, BLOCK), BLOCK
            elif node.xattrs or isinstance(node.data, bytes) or node.sparse is not None:
                need = self._size(node)
                if cursor % BLOCK + need > BLOCK:
                    cursor = ondisk.round_up(cursor, BLOCK)
            node.nid = cursor // SLOT
            cursor = ondisk.round_up(cursor + need, INODE)
            if node.children is not None:
                node.children = dict(sorted(node.children.items()))
                for below in node.children.values():
                    if below.nid == 0:
                        below.nid = -1
                        nodes.append(below)
        self._end = ondisk.round_up(cursor, BLOCK)

    def write(self, *, limit: int) -> int:
        """Write everything behind the tar, at most `limit` bytes of sparse files; gives the image's end."""
        inodes = _Region(self._fd, self.start)
        data = _Region(self._fd, self.start + self._end)
        parents: dict[int, int] = {id(self.nodes[0]): self.nodes[0].nid}
        for number, node in enumerate(self.nodes, 1):
            inodes.skip_to(self.start + SLOT * node.nid)
            packed = ondisk.xattrs(node.xattrs) if node.xattrs else b""
            layout, size, place, links, tail = ondisk.FLAT, node.size, 0, node.links, b""
            kind = node.mode & 0o170000
            if kind == stat.S_IFREG:
                assert isinstance(node.data, int)
                if node.sparse is not None:
                    layout = ondisk.CHUNKS
                    place = self.sparse.add(inodes.position + INODE + len(packed), node)
                    tail = bytes(self.sparse.map_size(node))
                elif size:
                    place = self._first + node.data // BLOCK
            elif node.children is not None:
                content, links = self._directory(node, parents)
                size, place = len(content), data.add_blocks(content)
            elif isinstance(node.data, bytes):
                if _fits_inline(node, len(packed)):
                    layout, tail = ondisk.INLINE, node.data
                else:
                    place = data.add_blocks(node.data)
            else:
                place = node.data
            inodes.add(
                ondisk.inode(
                    layout=layout,
                    xattr_size=len(packed),
                    mode=node.mode,
                    size=size,
                    place=place,
                    number=number & 0xFFFFFFFF,
                    uid=node.uid,
                    gid=node.gid,
                    mtime=node.mtime,
                    links=links,
                )
                + packed
                + tail
            )
        inodes.flush()
        data.flush()
        end = ondisk.round_up(data.position, _ALIGN)
        return self.sparse.write(self._fd, end, limit=limit) if self.sparse.files else end

    def _directory(self, node: Node, parents: dict[int, int]) -> tuple[bytes, int]:
        """A directory's data, and its link count."""
        entries = [(b".", node.nid, _DIRECTORY), (b"..", parents.pop(id(node)), _DIRECTORY)]
        links = 2
        types = ondisk.FILE_TYPES
        for name, below in (node.children or {}).items():
            entries.append((name, below.nid, types[below.mode & 0o170000]))
            if below.children is not None:
                links += 1
                parents[id(below)] = node.nid
        if len(entries) > 2 and entries[2][0] < b"..":
            entries.sort()
        return ondisk.directory(entries), links

    def _size(self, node: Node) -> int:
        size = INODE + (len(ondisk.xattrs(node.xattrs)) if node.xattrs else 0)
        if isinstance(node.data, bytes) and _fits_inline(node, size - INODE):
            size += node.size
        if node.sparse is not None:
            size += self.sparse.map_size(node)
        return size


class _Region:
    """A stretch of the file that is written from its start to its end, in large pieces. `position` is in the file."""

    def __init__(self, fd: int, position: int) -> None:
        self.position = position
        self._fd = fd
        self._buffer = bytearray()

    def add(self, data: bytes) -> None:
        self._buffer += data
        self.position += len(data)
        if len(self._buffer) >= _FLUSH:
            self.flush()

    def skip_to(self, position: int) -> None:
        if position > self.position:
            self.add(bytes(position - self.position))

    def add_blocks(self, data: bytes) -> int:
        """Add whole blocks, and give the first one's address."""
        address = self.position // BLOCK
        self.add(data)
        self.skip_to(ondisk.round_up(self.position, BLOCK))
        return address

    def flush(self) -> None:
        os.lseek(self._fd, self.position - len(self._buffer), os.SEEK_SET)
        write_all(self._fd, self._buffer)
        self._buffer.clear()


def _fits_inline(node: Node, xattr_size: int) -> bool:
    """Whether a symlink's target finds room in its inode's block."""
    return INODE + xattr_size + node.size <= BLOCK


def _at(root: Node, path: bytes) -> Node:
    node = root
    for part in path.split(b"/") if path != b"." else ():
        assert node.children is not None
        node = node.children[part]
    return node
