"""Compressed blobs in place of the plain tars that the store keeps, for a result that leaves it."""

from __future__ import annotations

from collections.abc import Sequence

from pallet.build.layers import Layer
from pallet.build.shared import Shared
from pallet.oci import media
from pallet.ops.pack_layers import packed_layer
from pallet.progress import silent


def compress(shared: Shared, tops: Sequence[Layer | None]) -> None:
    """Give the layers of a build, and those that its cache tells of, compressed blobs; call it when they are kept.

    Raises:
        NotFound: a layer's blob is missing.
        Integrity: it is damaged.
        HostError: the disk is full, ...
    """
    layers = [layer for top in tops if top is not None for layer in top.downwards()]
    for layer in dict.fromkeys([*layers, *shared.book.records]):
        packed = layer.packed
        if packed.blob.media_type != media.DOCKER_LAYER or layer.away:
            continue
        if layer in shared.book.records:  # keys lead to the plain blob
            more = shared.engine.store.build_cache.keys_of(layer.chain_id, packed.blob.digest)
            shared.book.records[layer] = list(dict.fromkeys([*shared.book.records[layer], *more]))
        layer.repack(packed_layer(shared.engine, packed.blob, packed.diff_id, silent))
