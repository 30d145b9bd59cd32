"""What is written down beside a snapshot: the file `layer` in its directory."""

from __future__ import annotations

import msgspec

from pallet.digest import Digest


class ImageInfo(msgspec.Struct, frozen=True):
    """The EROFS image of a layer, as it was made.

    Attributes:
        tar_size: bytes of the layer's tar in it, whose digest is the diff ID.
        metadata: the digest of all the rest of it.
        apart: whether the tar is a file beside it.
    """

    tar_size: int
    metadata: Digest
    apart: bool = False


class SnapshotInfo(msgspec.Struct, frozen=True):
    """What a snapshot is.

    Attributes:
        chain_id: its key.
        diff_id: the digest of the layer's uncompressed tar.
        parent: the chain ID of what it lies on; empty for a bottom layer.
        size: bytes of its files, as docker counts a layer.
        files: how many entries the layer's tar has.
        image: says more if it is an EROFS image; None if it is a tree.
    """

    chain_id: Digest
    diff_id: Digest
    parent: str
    size: int
    files: int
    image: ImageInfo | None = None
