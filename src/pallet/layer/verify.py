"""Verifying unpacked layers: each is unpacked once more from its blob, and the two trees are compared.

What a layer looks like on the disk depends on the layers below it (see `pallet.layer.settle`), so nothing less than
unpacking says what it should look like. That needs the room of one image's layers, for as long as it takes.

Layers that are EROFS images never changed since they were made, and their digests were noted then: those are computed
again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence, Set

import msgspec

from pallet.digest import Digest
from pallet.errors import PalletError
from pallet.host.idmap import in_user_namespace
from pallet.layer.compare import differences
from pallet.layer.erofs.check import damage
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
            wrong = _image_damage(snapshots, layer)
            if not wrong:
                sound.add(layer.chain_id)
            yield layer.chain_id, wrong
    yield from _verify_trees(snapshots, layers, reopen, sound, limit)


def _image_damage(snapshots: Snapshots, layer: PackedLayer) -> list[str]:
    try:
        info = snapshots.info(layer.chain_id)
    except PalletError as error:
        return [error.message]
    if info.image is None or info.diff_id != layer.diff_id:
        return ["its description is wrong"]
    return damage(snapshots.image(layer.chain_id), info.image.tar_size, info.diff_id, info.image.metadata, apart=info.image.apart)


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
        _unpack(again, layers, reopen)
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


def _unpack(again: Snapshots, layers: Sequence[PackedLayer], reopen: Callable[[int], Iterator[bytes]]) -> None:
    diff_ids = [layer.diff_id for layer in layers]
    with (
        Unpacker(workers=1) as pool,
        Installer(again, pool, diff_ids, reopen, userxattr=in_user_namespace()) as installer,
    ):
        for position, layer in enumerate(layers):
            if not installer.has(position):
                with installer.begin(position, layer.media_type) as job:
                    for chunk in reopen(position):
                        job.write(chunk)
                    job.finish()
        installer.settle()


def _description(snapshots: Snapshots, again: Snapshots, chain: Digest) -> list[str]:
    try:
        found = snapshots.info(chain)
    except PalletError as error:
        return [error.message]
    return [] if found == again.info(chain) else ["its description is wrong"]
