"""The structures of an EROFS image, as bytes.

Source: Linux, Documentation/filesystems/erofs.rst and fs/erofs/erofs_fs.h. Only what kernels since 6.4 read without
further features is used: blocks of 512 bytes, extended inodes, flat and chunk-based data, inline xattrs.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

BLOCK = 512
"""The file system's block size: tar's, so that the data of files can be read where the tar has it."""
HEADER = 4096
"""Bytes at the start of an image, with the superblock among them; the tar follows."""
INODE = 64
SLOT = 32
"""Inodes are numbered by the 32-byte slots of the metadata area."""
APART = 1 << 31
"""The address of the first block of a tar that is not in the image but a device of its own: behind any image's end."""
MAX_NAME = 255
NO_BLOCK = 0xFFFFFFFF
"""The address of a chunk that is a hole."""

FLAT = 0
INLINE = 2
CHUNKS = 4

_MAGIC = 0xE0F5E1E2
_SUPER_OFFSET = 1024
_SUPER = struct.Struct("<IIIBBHQQIIII16s16sIHHHBBIQB23x")
_INCOMPAT_CHUNKS = 0x4
_INCOMPAT_DEVICES = 0x8
_DEVICE = struct.Struct("<64xII56x")
_DEVICES_AT = 2048  # a multiple of an entry's size
_COMPAT_MTIME = 0x2
_INODE = struct.Struct("<HHHHQIIIIqII16x")
_DIRENT = struct.Struct("<QHBx")
_DIRENT_SIZE = 12
_XATTR_HEADER = 12
_XATTR_ENTRY = struct.Struct("<BBH")
_XATTR_PREFIXES = ((b"user.", 1), (b"trusted.", 4), (b"security.", 6))
_EXTENDED = 1

FILE_TYPES = {
    stat.S_IFREG: 1,
    stat.S_IFDIR: 2,
    stat.S_IFCHR: 3,
    stat.S_IFBLK: 4,
    stat.S_IFIFO: 5,
    stat.S_IFLNK: 7,
}
"""What a directory entry says of an inode, by the type bits of its mode."""


def round_up(number: int, unit: int) -> int:
    """The next multiple of `unit` that is not below `number`."""
    return -(-number // unit) * unit


def header(
    *, root_nid: int, inodes: int, blocks: int, metadata_block: int, uuid: bytes, chunks: bool, apart: int = 0
) -> bytes:
    """The start of an image, with the superblock.

    Args:
        root_nid: the root directory's inode number; below 65536.
        inodes: how many inodes there are.
        blocks: the image's size in blocks.
        metadata_block: where inode number 0 would be.
        uuid: 16 bytes.
        chunks: whether a file is chunk-based.
        apart: blocks of the tar, if that is a device of its own.
    """
    superblock = _SUPER.pack(
        _MAGIC,
        0,  # no checksum: the whole image has one, outside
        _COMPAT_MTIME,
        BLOCK.bit_length() - 1,
        0,
        root_nid,
        inodes,
        0,
        0,
        blocks,
        metadata_block,
        0,
        uuid,
        b"",
        (_INCOMPAT_CHUNKS if chunks else 0) | (_INCOMPAT_DEVICES if apart else 0),
        0,
        1 if apart else 0,
        _DEVICES_AT // _DEVICE.size if apart else 0,
        0,
        0,
        0,
        0,
        0,
    )
    start = bytes(_SUPER_OFFSET) + superblock
    if apart:
        start = start.ljust(_DEVICES_AT, b"\0") + _DEVICE.pack(apart, APART)
    return start.ljust(HEADER, b"\0")


def inode(
    *,
    layout: int,
    xattr_size: int,
    mode: int,
    size: int,
    place: int,
    number: int,
    uid: int,
    gid: int,
    mtime: int,
    links: int,
) -> bytes:
    """An inode.

    Args:
        layout: `FLAT`, `INLINE` or `CHUNKS`.
        xattr_size: bytes of the packed xattrs that follow it.
        mode: with type bits.
        size: bytes of its data.
        place: a flat inode's first block, a device's number, or a chunk-based inode's chunk format.
        number: what 32-bit programs see as its number.
        uid, gid: its owner.
        mtime: nanoseconds since the epoch.
        links: how many names it has.
    """
    seconds, nanoseconds = divmod(mtime, 1_000_000_000)
    count = (xattr_size - _XATTR_HEADER) // 4 + 1 if xattr_size else 0
    layout_bits = layout << 1 | _EXTENDED
    return _INODE.pack(layout_bits, count, mode, 0, size, place, number, uid, gid, seconds, nanoseconds, links)


def device_number(major: int, minor: int) -> int:
    """A device's number as an inode has it: 12 bits of major, 20 of minor number."""
    return (minor & 0xFF) | major << 8 | (minor & ~0xFF) << 12


class ReadSuperblock(NamedTuple):
    """What a reader needs of a superblock; as for `header`."""

    root_nid: int
    metadata_block: int


def read_superblock(start: bytes) -> ReadSuperblock | None:
    """Take apart the first `HEADER` bytes of an image; None if they are not one's."""
    if len(start) < HEADER:
        return None
    fields = _SUPER.unpack_from(start, _SUPER_OFFSET)
    if fields[0] != _MAGIC or 1 << fields[3] != BLOCK:
        return None
    return ReadSuperblock(root_nid=fields[5], metadata_block=fields[10])


class ReadInode(NamedTuple):
    """What an inode says, under the names that `os.stat_result` has for it, and where its data is.

    Attributes:
        st_rdev: as os.stat_result has it; 0 for what is no device.
        layout, place: as for `inode`.
        number: what 32-bit programs see as its number.
        xattrs: by their full names.
        length: bytes of inode and xattrs together; what `layout` puts behind them follows.
    """

    st_mode: int
    st_uid: int
    st_gid: int
    st_size: int
    st_mtime_ns: int
    st_nlink: int
    st_rdev: int
    layout: int
    place: int
    number: int
    xattrs: dict[bytes, bytes]
    length: int


def inode_length(block: bytes, at: int = 0) -> int:
    """Bytes of the inode that begins there and of its xattrs; `block` holds the inode at least."""
    count = block[at + 2] | block[at + 3] << 8
    return INODE + _XATTR_HEADER + 4 * (count - 1) if count else INODE


def read_inode(block: bytes, at: int = 0) -> ReadInode:
    """Take apart the inode with its xattrs that begins there; `block` holds it all."""
    layout, _, mode, _, size, place, number, uid, gid, seconds, nanoseconds, links = _INODE.unpack_from(block, at)
    length = inode_length(block, at)
    found = _read_xattrs(block, at + INODE + _XATTR_HEADER, at + length)
    device = os.makedev(place >> 8 & 0xFFF, place & 0xFF | place >> 12 & 0xFFF00) if _is_device(mode) else 0
    time = seconds * 1_000_000_000 + nanoseconds
    return ReadInode(mode, uid, gid, size, time, links, device, layout >> 1, place, number, found, length)


def _is_device(mode: int) -> bool:
    return mode & 0o170000 in (stat.S_IFCHR, stat.S_IFBLK)


def _read_xattrs(block: bytes, at: int, end: int) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    while at < end:
        name_size, index, value_size = _XATTR_ENTRY.unpack_from(block, at)
        at += _XATTR_ENTRY.size
        prefix = next(prefix for prefix, known in _XATTR_PREFIXES if known == index)
        value_at = at + name_size
        found[prefix + block[at:value_at]] = block[value_at : value_at + value_size]
        at = round_up(value_at + value_size, 4)
    return found


def xattrs(attributes: Mapping[bytes, bytes]) -> bytes:
    """Extended attributes as they follow an inode; empty if there are none. Names are of a kind that EROFS has."""
    if not attributes:
        return b""
    parts = [bytes(_XATTR_HEADER)]
    for name, value in attributes.items():
        prefix, index = next(known for known in _XATTR_PREFIXES if name.startswith(known[0]))
        rest = name[len(prefix) :]
        entry = _XATTR_ENTRY.pack(len(rest), index, len(value)) + rest + value
        parts.append(entry.ljust(round_up(len(entry), 4), b"\0"))
    return b"".join(parts)


def directory(entries: Sequence[tuple[bytes, int, int]]) -> bytes:
    """The data of a directory.

    Args:
        entries: name, inode number and file type of each, `.` and `..` among them, in the names' byte order.
    """
    blocks: list[bytes] = []
    first = room = 0
    for at, (name, _, _) in enumerate(entries):
        need = _DIRENT_SIZE + len(name)
        if room + need > BLOCK:
            blocks.append(_directory_block(entries[first:at]).ljust(BLOCK, b"\0"))
            first, room = at, 0
        room += need
    blocks.append(_directory_block(entries[first:]))
    return b"".join(blocks)


def read_directory(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The entries of a directory, without `.` and `..`: name, inode number and file type of each."""
    for start in range(0, len(data), BLOCK):
        block = data[start : start + BLOCK].rstrip(b"\0")
        at = int.from_bytes(block[8:10], "little")  # where the first name is, and the entries end
        entries = [*_DIRENT.iter_unpack(block[:at])]
        ends = [offset for _, offset, _ in entries[1:]]
        for (nid, offset, kind), end in zip(entries, [*ends, len(block)], strict=True):
            name = block[offset:end]
            if name not in (b".", b".."):
                yield name, nid, kind


def _directory_block(entries: Sequence[tuple[bytes, int, int]]) -> bytes:
    parts: list[bytes] = []
    pack = _DIRENT.pack
    offset = len(entries) * _DIRENT_SIZE
    for name, nid, kind in entries:
        parts.append(pack(nid, offset, kind))
        offset += len(name)
    parts += [name for name, _, _ in entries]
    return b"".join(parts)
