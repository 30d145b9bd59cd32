"""`docker system prune`: everything that nothing uses, and whatever killed processes left behind."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pallet.engine import Engine
from pallet.ops.container_prune import prune_containers
from pallet.ops.filters import Filters
from pallet.ops.prune_images import PrunedImages, prune_images
from pallet.store.gc import Swept, sweep

FILTERS = ("label", "label!", "until")


class PrunedSystem(msgspec.Struct, frozen=True):
    """What was removed, or would be.

    Attributes:
        containers: ids of stopped containers.
        images: images, with the bytes of their layers.
        leftovers: files without an owner.
        reclaimed: bytes in all.
    """

    containers: tuple[str, ...]
    images: PrunedImages
    leftovers: tuple[Swept, ...]
    reclaimed: int


def prune_system(
    engine: Engine, *, all: bool = False, filters: Iterable[tuple[str, str]] = (), dry_run: bool = False
) -> PrunedSystem:
    """Remove stopped containers, images that nothing uses, and leftovers.

    Args:
        engine: whose store.
        all: also images that have names.
        filters: docker's `until=`, `label=` and `label!=`.
        dry_run: only tell what would go.

    Raises:
        InvalidInput: a bad filter.
    """
    pairs = tuple(filters)
    Filters(pairs, FILTERS)
    containers = prune_containers(engine, filters=pairs, dry_run=dry_run)
    images = prune_images(engine, all=all, filters=pairs, dry_run=dry_run)
    engine.store.collect()
    leftovers = tuple(sweep(engine.store, engine.snapshots.leftovers, dry_run=dry_run))
    reclaimed = containers.reclaimed + images.reclaimed + sum(each.size for each in leftovers)
    return PrunedSystem(containers.removed, images, leftovers, reclaimed)
