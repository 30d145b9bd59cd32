"""`docker system prune`: everything that nothing uses, and whatever killed processes left behind."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator

import msgspec

from pallet.engine import Engine
from pallet.errors import InvalidInput
from pallet.host.files import unlink_if_there
from pallet.host.locks import holders, try_lock
from pallet.network.bridges import bridges_of
from pallet.ops.container_prune import prune_containers
from pallet.ops.filters import Filters
from pallet.ops.network_remove import prune_networks
from pallet.ops.prune_images import PrunedImages, prune_images
from pallet.ops.volume_remove import PrunedVolumes, prune_volumes, sweep_volumes
from pallet.runtime.seccomp_cache import COMPILED_FILTER
from pallet.store.gc import Swept, sweep

_PATIENCE = 1.0  # seconds of waiting without a word
_PAUSE = 0.02
_LOCKS = ("lock", "wait", "attended", "supervisor")

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
    waiting: Callable[[str], None] | None = None,
) -> PrunedSystem:
    """Remove stopped containers, networks and images that nothing uses, and what killed processes left.

    Args:
        engine: whose store.
        all: also images that have names.
        volumes: also volumes that nothing uses.
        filters: docker's `until=`, `label=` and `label!=`.
        dry_run: only tell what would go.
        waiting: gets a line that says whom this waits for, if it has to wait for more than a second.

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
    _wait_for_adders(engine, waiting)
    engine.store.collect()
    if not dry_run:
        engine.snapshots.unsynced.make_good()
    leftovers = tuple(sweep(engine.store, engine.snapshots.leftovers, dry_run=dry_run))
    leftovers += tuple(Swept("volume", name, size) for name, size in sweep_volumes(engine, dry_run=dry_run))
    leftovers += tuple(_sweep_locks(engine, dry_run=dry_run))
    if not dry_run:
        leftovers += tuple(Swept("network lease", id, 0) for id in bridges_of(engine.settings.run_dir).clean_up())
    reclaimed = containers.reclaimed + pruned.reclaimed + images.reclaimed + sum(each.size for each in leftovers)
    return PrunedSystem(containers.removed, tuple(networks), pruned.removed, images, leftovers, reclaimed)


def _wait_for_adders(engine: Engine, waiting: Callable[[str], None] | None) -> None:
    """Wait until nobody adds to the store, so that whoever looks on learns what it is that takes so long."""
    end = time.monotonic() + _PATIENCE
    while (held := try_lock(engine.store.lock_path)) is None and time.monotonic() < end:
        time.sleep(_PAUSE)
    if held is not None:
        held.release()
    elif waiting is not None:
        others = ", ".join(f"{pid} ({command})" for pid, command in holders(engine.store.lock_path))
        waiting(f"Waiting for those who add to the store: {others or 'other commands'}")


def _sweep_locks(engine: Engine, *, dry_run: bool) -> Iterator[Swept]:
    """Lock files of containers that are gone, which a killed process has left; compiled filters can be made again."""
    directory = engine.settings.run_dir
    for name in sorted(os.listdir(directory)) if os.path.isdir(directory) else ():
        id, _, kind = name.partition(".")
        if name.startswith(COMPILED_FILTER) and not dry_run:
            unlink_if_there(f"{directory}/{name}")
        if kind in _LOCKS and not engine.store.containers.has(id):
            if not dry_run:
                unlink_if_there(f"{directory}/{name}")
            yield Swept("lock", name, 0)
