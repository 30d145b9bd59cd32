"""`docker system prune`: everything that nothing uses, and whatever killed processes left behind."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pallet.engine import Engine
from pallet.errors import InvalidInput
from pallet.network.bridge import clean_up
from pallet.ops.container_prune import prune_containers
from pallet.ops.filters import Filters
from pallet.ops.network_remove import prune_networks
from pallet.ops.prune_images import PrunedImages, prune_images
from pallet.ops.volume_remove import PrunedVolumes, prune_volumes, sweep_volumes
from pallet.store.gc import Swept, sweep

FILTERS = ("label", "label!", "until")


class PrunedSystem(msgspec.Struct, frozen=True):
    """What was removed, or would be.

    Attributes:
        containers: ids of stopped containers.
        networks: names of networks.
        volumes: names of volumes.
        images: images, with the bytes of their layers.
        leftovers: files without an owner.
        reclaimed: bytes in all.
    """

    containers: tuple[str, ...]
    networks: tuple[str, ...]
    volumes: tuple[str, ...]
    images: PrunedImages
    leftovers: tuple[Swept, ...]
    reclaimed: int


def prune_system(
    engine: Engine,
    *,
    all: bool = False,
    volumes: bool = False,
    filters: Iterable[tuple[str, str]] = (),
    dry_run: bool = False,
) -> PrunedSystem:
    """Remove stopped containers, networks and images that nothing uses, and what killed processes left.

    Args:
        engine: whose store.
        all: also images that have names.
        volumes: also volumes that nothing uses.
        filters: docker's `until=`, `label=` and `label!=`.
        dry_run: only tell what would go.

    Raises:
        InvalidInput: a bad filter.
    """
    pairs = tuple(filters)
    wanted = Filters(pairs, FILTERS)
    if volumes and "until" in wanted:
        raise InvalidInput('The "until" filter is not supported with "--volumes"')
    containers = prune_containers(engine, filters=pairs, dry_run=dry_run)
    networks = prune_networks(engine, filters=pairs, dry_run=dry_run)
    pruned = prune_volumes(engine, filters=pairs, dry_run=dry_run) if volumes else PrunedVolumes((), 0)
    images = prune_images(engine, all=all, filters=pairs, dry_run=dry_run)
    engine.store.collect()
    leftovers = tuple(sweep(engine.store, engine.snapshots.leftovers, dry_run=dry_run))
    leftovers += tuple(Swept("volume", name, size) for name, size in sweep_volumes(engine, dry_run=dry_run))
    if not dry_run:
        leftovers += tuple(Swept("network lease", id, 0) for id in clean_up())
    reclaimed = containers.reclaimed + pruned.reclaimed + images.reclaimed + sum(each.size for each in leftovers)
    return PrunedSystem(containers.removed, tuple(networks), pruned.removed, images, leftovers, reclaimed)
