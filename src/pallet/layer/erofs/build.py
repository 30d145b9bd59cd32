"""From a layer's stream to an image, in one pass: the tar goes into the file as it comes, its headers into memory."""

from __future__ import annotations

from typing import Protocol

from pallet.errors import HostError
from pallet.layer.compress import Readable
from pallet.layer.erofs.tree import LayerTree
from pallet.layer.erofs.write import write_metadata
from pallet.layer.tarread import TarReader
from pallet.layer.unpacked import ForeignLink, Unpacked


class HashedTar(Readable, Protocol):
    """A tar on its way; what was read is in its file, hashed and counted. `digest()` and `size` are for its end."""

    @property
    def size(self) -> int:
        """Bytes so far."""

    def digest(self) -> bytes:
        """The SHA-256 of them."""

    def drain(self) -> None:
        """Read the rest."""


def build_image(tar: HashedTar, fd: int, *, base: bool, apart: int | None = None) -> Unpacked:
    """Make an image.

    Args:
        tar: the layer, uncompressed. While it is read, it gets into the image, from byte `ondisk.HEADER` on, or into
            the file `apart`.
        fd: the image, open for reading and writing.
        apart: the file that keeps the tar, open for reading (negative if it cannot be read here); None for the image
            itself.
        base: this is the first layer of its image.

    Returns:
        As for an unpacked layer, in mode `base` or `diff`.

    Raises:
        Unsupported: this layer has to be unpacked; see `tree`. A sparse file in a tar that cannot be read.
        UnsafeArchive, Integrity: the tar is at fault.
        HostError: the disk is full, ...
    """
    try:
        tree = LayerTree(base=base)
        tree.read(TarReader(tar))
        tar.drain()
        digest = tar.digest()
        written = write_metadata(fd, tree, tar.size, digest[:16], apart)
    except OSError as error:
        raise HostError(f"cannot write an image of the layer: {error.strerror}") from error
    return Unpacked(
        diff_id=f"sha256:{digest.hex()}",
        tar_size=tar.size,
        size=written.size,
        files=tree.files,
        implicit_parents=tuple(tree.implicit),
        foreign_links=tuple(ForeignLink(name, target) for name, target in tree.foreign.items()),
        opaque_root=tree.opaque_root,
        whiteouts=tuple(tree.whiteouts),
        inode_offsets=written.inode_offsets,
    )
