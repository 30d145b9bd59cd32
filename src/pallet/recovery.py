"""After the machine went down: unpacked layers that may not have reached the disk are looked at, and made again.

Their notes (`pallet.layer.unsynced`) are of another boot. An EROFS image is kept if its digests are right. What a tree
should look like only unpacking tells, so it is unpacked again. A layer that no image has is a build's, which will make
it again: what the build cache has of it is forgotten. (The layers of a container whose image was removed are not noted
any more: whoever removes such an image makes them good first.)

The notes go last, so that whoever is killed meanwhile leaves it all to the next.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

from pallet.digest import Digest
from pallet.errors import HostError, NoSuchImage, PalletError
from pallet.layer.reinstall import PackedLayer, unpack_missing
from pallet.layer.snapshots import Snapshots
from pallet.layer.unsynced import chain_of
from pallet.layer.verify import image_damage
from pallet.store.rows import LayerRow
from pallet.store.store import Store


def recover(store: Store, snapshots: Snapshots, makes_images: Callable[[], bool]) -> None:
    """See to the notes of other boots; others who want to do so wait, and find nothing left to do.

    What cannot be made again stays missing: `pallet system check` reports it, and a pull or `--repair` brings it back.
    If the disk is to blame, the notes stay, too, and the next process tries again.

    Args:
        store: the store.
        snapshots: its unpacked layers.
        makes_images: whether new layers are to be EROFS images.

    Raises:
        HostError: the store cannot be written.
    """
    with snapshots.unsynced.lock():
        notes = snapshots.unsynced.of_other_boots()
        if not notes:
            return
        with store.adding():  # a shared lock, which the caller may hold as well: no blob is collected meanwhile
            wrong = {chain for chain in map(chain_of, notes) if not _is_right(store, snapshots, chain)}
            for chain in wrong:
                snapshots.remove(chain)
            kept: set[Digest] = set()
            done = True
            for layers in _images(store):
                chains = wrong.intersection(layer.chain_id for layer in layers)
                kept |= chains
                if not all(map(snapshots.has, chains)):
                    done = _restore(store, snapshots, layers, makes_images) and done
            store.build_cache.forget(wrong - kept)
        if done:
            snapshots.unsynced.forget(notes)


def _is_right(store: Store, snapshots: Snapshots, chain: Digest) -> bool:
    row = store.db.row("SELECT diff_id FROM layers WHERE chain_id = ?", (chain,))
    if row is None or not os.path.exists(snapshots.image(chain)):
        return False
    return not image_damage(snapshots, chain, Digest(row[0]))


def _images(store: Store) -> Iterator[tuple[LayerRow, ...]]:
    """The layers of each image by each of its manifests, bottom first."""
    for row in store.images.rows():
        try:
            manifests = store.images.manifests_of(row.id)
        except NoSuchImage:
            continue  # removed meanwhile
        for manifest in manifests:
            yield store.images.layers_of(row.id, manifest.digest)


def _restore(store: Store, snapshots: Snapshots, layers: Sequence[LayerRow], makes_images: Callable[[], bool]) -> bool:
    """Unpack what an image lacks; False if the disk did not allow it."""
    packed = [PackedLayer(layer.chain_id, layer.diff_id, layer.media_type) for layer in layers]
    try:
        unpack_missing(snapshots, packed, lambda place: store.blobs.chunks(layers[place].digest), images=makes_images())
    except HostError:
        return False
    except PalletError:
        return True  # a blob is damaged, too: trying again would not help
    return True
