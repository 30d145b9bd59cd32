"""Changing the metadata of a directory that a tar lacked, in an image that is not in use yet.

`write` gives such a directory's inode a block of its own, so whatever fits into a block can be put there.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

import msgspec

from pallet.errors import HostError
from pallet.host.erofs import mounted_images
from pallet.host.xattrs import read_xattrs
from pallet.layer import whiteout
from pallet.layer.erofs import ondisk
from pallet.layer.settle import settle
from pallet.layer.unpacked import Unpacked

_MARK = b"trusted." + whiteout.OVERLAY_OPAQUE.encode()


class DirectoryMetadata(msgspec.Struct, frozen=True):
    """What a directory has besides its entries; overlayfs's own xattrs do not count."""

    mode: int
    uid: int
    gid: int
    mtime: int
    xattrs: dict[bytes, bytes]

    @property
    def expressible(self) -> bool:
        """Whether an image can have it, in one block, with a mark of overlayfs's beside it."""
        if not all(name.startswith((b"user.", b"trusted.", b"security.")) for name in self.xattrs):
            return False
        return ondisk.INODE + len(ondisk.xattrs({**self.xattrs, _MARK: b"y"})) <= ondisk.BLOCK


def settle_image(image: str, directory: str, result: Unpacked, lowers: Sequence[str]) -> bool:
    """Give the directories that the tar lacked what they have below: `settle` for an image.

    Args:
        image: the image, not mounted yet.
        directory: where it can be mounted, in a mount namespace that is private.
        result: what making it gave.
        lowers: the directories of the layers below, top first; settled themselves, and mounted: the first one if
            only the root is missing, else all.

    Returns:
        Whether the layer is right now; False if it has to be applied on top of the others instead.

    Raises:
        HostError: a directory's metadata cannot be read or set.
    """
    found: dict[bytes, DirectoryMetadata] = {}

    def take(path: bytes, source: bytes) -> bool:
        found[path] = read_directory(source)
        return found[path].expressible

    # Its own directories matter only where one that is missing, or a whiteout, may lie in an opaque one.
    own_matter = bool(result.whiteouts) or result.implicit_parents not in ((), (b".",))
    with mounted_images([directory] if own_matter else []):
        if not settle(directory, result, lowers, take=take):
            return False
    offsets = dict(zip(result.implicit_parents, result.inode_offsets, strict=True))
    try:
        fd = os.open(image, os.O_RDWR | os.O_CLOEXEC)
        try:
            for path, metadata in found.items():
                set_directory(fd, offsets[path], metadata)
        finally:
            os.close(fd)
    except OSError as error:
        raise HostError(f"cannot change {image}: {error.strerror}") from error
    return True


def read_directory(path: bytes) -> DirectoryMetadata:
    """The metadata of a directory. Raises OSError."""
    status = os.lstat(path)
    found = read_xattrs(os.fsdecode(path), follow_symlinks=False)
    named = {os.fsencode(name): value for name, value in found.items()}
    return DirectoryMetadata(
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        mtime=status.st_mtime_ns,
        xattrs={name: value for name, value in named.items() if not name.startswith(whiteout.OVERLAY_XATTRS)},
    )


def set_directory(fd: int, offset: int, metadata: DirectoryMetadata) -> None:
    """Give the directory whose inode is at `offset` of an image this metadata, which must be `expressible`.

    What it is to overlayfs stays.

    Raises:
        OSError: the image cannot be written.
    """
    old = ondisk.read_inode(os.pread(fd, ondisk.BLOCK, offset))
    kept = {name: value for name, value in old.xattrs.items() if name.startswith(whiteout.OVERLAY_XATTRS)}
    packed = ondisk.xattrs({**metadata.xattrs, **kept})
    block = (
        ondisk.inode(
            layout=old.layout,
            xattr_size=len(packed),
            mode=stat.S_IFDIR | metadata.mode,
            size=old.st_size,
            place=old.place,
            number=old.number,
            uid=metadata.uid,
            gid=metadata.gid,
            mtime=metadata.mtime,
            links=old.st_nlink,
        )
        + packed
    )
    os.pwrite(fd, block.ljust(ondisk.BLOCK, b"\0"), offset)
