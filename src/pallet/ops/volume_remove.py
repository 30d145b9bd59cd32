"""`docker volume rm` and `prune`."""

from __future__ import annotations

import os
from collections.abc import Iterable

import msgspec

from pallet.engine import Engine
from pallet.errors import Conflict, NotFound
from pallet.host.files import remove_tree, tree_size
from pallet.ops.filters import Filters, labels_match
from pallet.ops.record_event import prune_event, volume_event
from pallet.ops.volume_create import volume_data

FILTERS = ("label", "label!")


class PrunedVolumes(msgspec.Struct, frozen=True):
    """What was removed, or would be.

    Attributes:
        removed: names.
        reclaimed: bytes of their files.
    """

    removed: tuple[str, ...]
    reclaimed: int


def remove_volume(engine: Engine, name: str, *, force: bool = False, event: bool = True) -> None:
    """Remove a volume and its files.

    Args:
        engine: whose store.
        name: its name.
        force: one that is not there is fine.
        event: tell of it; docker's prune tells only of itself.

    Raises:
        NotFound: there is none.
        Conflict: a container uses it, with docker's text.
    """
    try:
        with engine.store.db.transaction():
            gone = forget_volume(engine, name)
            if event:
                volume_event(engine, name, "destroy")
    except NotFound:
        if not force:
            raise
        return
    remove_tree(gone)


def forget_volume(engine: Engine, name: str) -> str:
    """Forget a volume; belongs into a transaction.

    Returns:
        The directory of its files by now, to be removed when the transaction has ended.

    Raises:
        As `remove_volume`.
    """
    directory = engine.store.volume_dir(name)
    # Out of the way before the name is free again, so that a new volume with this name does not meet the old files.
    gone = engine.store.volume_dir(f".gone-{os.urandom(8).hex()}")
    engine.store.volumes.remove(name)
    if os.path.isdir(directory):
        os.rename(directory, gone)
    return gone


def prune_volumes(engine: Engine, *, filters: Iterable[tuple[str, str]] = (), dry_run: bool = False) -> PrunedVolumes:
    """Remove the volumes that no container has; those with driver options stay, as with docker.

    Args:
        engine: whose store.
        filters: docker's `label=` and `label!=`.
        dry_run: only tell what would go.

    Raises:
        InvalidInput: a bad filter.
    """
    wanted = Filters(filters, FILTERS)
    users = engine.store.volumes.users()
    removed, reclaimed = [], 0
    for volume in engine.store.volumes.all():
        if volume.options or volume.name in users or not labels_match(volume.labels, wanted.get("label")):
            continue
        if any(labels_match(volume.labels, [text]) for text in wanted.get("label!")):
            continue
        size = volume_size(engine, volume.name)
        if not dry_run:
            try:
                remove_volume(engine, volume.name, event=False)
            except (NotFound, Conflict):  # removed or used by somebody else meanwhile
                continue
        removed.append(volume.name)
        reclaimed += size
    if not dry_run:
        prune_event(engine, "volume", reclaimed)
    return PrunedVolumes(tuple(removed), reclaimed)


def sweep_volumes(engine: Engine, *, dry_run: bool = False) -> list[tuple[str, int]]:
    """Remove what killed processes left among the volumes: names and bytes."""
    parent = os.path.dirname(engine.store.volume_dir("x"))
    try:
        names = sorted(name for name in os.listdir(parent) if name.startswith("."))
    except FileNotFoundError:
        return []
    found = [(name, tree_size(f"{parent}/{name}")) for name in names]
    if not dry_run:
        for name in names:
            remove_tree(f"{parent}/{name}")
    return found


def volume_size(engine: Engine, name: str) -> int:
    """The bytes of a volume's files in the store."""
    data = volume_data(engine, name)
    return tree_size(data) if os.path.isdir(data) else 0
