"""Verifying unpacked layers: each is unpacked once more from its blob, and the two trees are compared.

What a layer looks like on the disk depends on the layers below it (see `pallet.layer.settle`), so nothing less than
unpacking says what it should look like. That needs the room of one image's layers, for as long as it takes.

Layers that are EROFS images never changed since they were made, and their digests were noted then: those are computed
again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence, Set

from pallet.digest import Digest
from pallet.errors import PalletError
from pallet.layer.compare import differences
from pallet.layer.erofs.check import damage
from pallet.layer.reinstall import PackedLayer, unpack_missing
from pallet.layer.snapshots import Snapshots


def verify_layers(
    snapshots: Snapshots,
    layers: Sequence[PackedLayer],
    reopen: Callable[[int], Iterator[bytes]],
    *,
    known: Set[str] = frozenset(),
    limit: int = 4,
) -> Iterator[tuple[Digest, list[str]]]:
    """Compare the snapshots of one image's layers with what its blobs say.

    Args:
        snapshots: where they are; a snapshot that is not here is left out.
        layers: the image's, bottom first.
        reopen: the bytes of a layer's blob, by its position from the bottom; they are whole and verified.
        known: chain IDs that were found right before: they are not looked at again.
        limit: how many differences of one layer to name.

    Yields:
        For each layer that was looked at: its chain ID, and what is wrong, in sentences; an empty list if nothing is.

    Raises:
        Integrity, UnsafeArchive: a blob does not unpack.
        HostError: the disk is full, ...
    """
    sound = set(known)
    for layer in layers:
        if layer.chain_id not in sound and os.path.exists(snapshots.image(layer.chain_id)):
            wrong = image_damage(snapshots, layer.chain_id, layer.diff_id)
            if not wrong:
                sound.add(layer.chain_id)
            yield layer.chain_id, wrong
    yield from _verify_trees(snapshots, layers, reopen, sound, limit)


def image_damage(snapshots: Snapshots, chain: Digest, diff_id: Digest) -> list[str]:
    """What is wrong with a snapshot that is an image, in sentences; an empty list if nothing is.

    Args:
        snapshots: where it is.
        chain: its chain ID.
        diff_id: the digest of the layer's tar.
    """
    try:
        info = snapshots.info(chain)
    except PalletError as error:
        return [error.message]
    if info.image is None or info.diff_id != diff_id:
        return ["its description is wrong"]
    return damage(
        snapshots.image(chain), info.image.tar_size, info.diff_id, info.image.metadata, apart=info.image.apart
    )


def _verify_trees(
    snapshots: Snapshots,
    layers: Sequence[PackedLayer],
    reopen: Callable[[int], Iterator[bytes]],
    known: Set[str],
    limit: int,
) -> Iterator[tuple[Digest, list[str]]]:
    def is_tree(chain: Digest) -> bool:
        return snapshots.has(chain) and not os.path.exists(snapshots.image(chain))

    if not any(is_tree(layer.chain_id) and layer.chain_id not in known for layer in layers):
        return
    with snapshots.stage() as staging:
        again = Snapshots(staging.path)
        _lend(snapshots, again, [layer.chain_id for layer in layers if layer.chain_id in known])
        unpack_missing(again, layers, reopen)
        for layer in layers:
            chain = layer.chain_id
            if chain in known or not is_tree(chain):
                continue
            wrong = _description(snapshots, again, chain)
            for difference in differences(again.fs(chain), snapshots.fs(chain)):
                wrong.append(difference)
                if len(wrong) >= limit:
                    break
            yield chain, wrong


def _lend(snapshots: Snapshots, again: Snapshots, chains: Sequence[str]) -> None:
    """Make the snapshots that are right the parents of those that are unpacked again."""
    for chain in chains:
        target = os.path.dirname(again.fs(chain))
        os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
        if not os.path.lexists(target):
            os.symlink(os.path.dirname(snapshots.fs(chain)), target)


def _description(snapshots: Snapshots, again: Snapshots, chain: Digest) -> list[str]:
    try:
        found = snapshots.info(chain)
    except PalletError as error:
        return [error.message]
    return [] if found == again.info(chain) else ["its description is wrong"]
