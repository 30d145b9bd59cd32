"""Unpacking the layers of a stored image once more, from its blobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from pallet.digest import Digest
from pallet.host.idmap import in_user_namespace
from pallet.layer.install import Installer
from pallet.layer.snapshots import Snapshots
from pallet.layer.unpack import Unpacker


class PackedLayer(msgspec.Struct, frozen=True):
    """A layer of an image, as it is stored.

    Attributes:
        chain_id: the key of its snapshot.
        diff_id: the digest of its uncompressed tar.
        media_type: of its blob.
    """

    chain_id: Digest
    diff_id: Digest
    media_type: str


def unpack_missing(
    snapshots: Snapshots,
    layers: Sequence[PackedLayer],
    reopen: Callable[[int], Iterator[bytes]],
    *,
    images: bool = False,
) -> None:
    """Unpack those layers of an image whose snapshots are not here.

    Args:
        snapshots: where they go.
        layers: all layers of the image, bottom first.
        reopen: the bytes of a layer's blob, by its position from the bottom.
        images: make EROFS images where that can be done.

    Raises:
        NotFound: a blob is missing.
        Integrity, UnsafeArchive: a blob does not unpack.
        HostError: the disk is full, ...
    """
    diff_ids = [layer.diff_id for layer in layers]
    with (
        Unpacker(workers=1) as pool,
        Installer(snapshots, pool, diff_ids, reopen, userxattr=in_user_namespace(), images=images) as installer,
    ):
        for position, layer in enumerate(layers):
            if not installer.has(position):
                with installer.begin(position, layer.media_type) as job:
                    for chunk in reopen(position):
                        job.write(chunk)
                    job.finish()
        installer.settle()
