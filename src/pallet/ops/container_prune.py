"""`docker container prune`: remove all containers that do not run."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pallet.engine import Engine
from pallet.errors import Conflict, NoSuchContainer
from pallet.host.files import tree_size
from pallet.ops.container_remove import remove_container
from pallet.ops.container_state import current
from pallet.ops.filters import Filters, labels_match
from pallet.ops.record_event import prune_event
from pallet.ops.times import parse_until
from pallet.runtime.paths import ContainerPaths
from pallet.store.container_record import ContainerRecord

FILTERS = ("label", "label!", "until")


class PrunedContainers(msgspec.Struct, frozen=True):
    """What was removed, or would be.

    Attributes:
        removed: full ids, newest first.
        reclaimed: bytes of what the containers had changed.
    """

    removed: tuple[str, ...]
    reclaimed: int


def prune_containers(
    engine: Engine, *, filters: Iterable[tuple[str, str]] = (), dry_run: bool = False
) -> PrunedContainers:
    """Remove the containers that do not run.

    Args:
        engine: whose store.
        filters: docker's `until=`, `label=` and `label!=`.
        dry_run: only tell what would go.

    Raises:
        InvalidInput: a bad filter.
    """
    wanted = Filters(filters, FILTERS)
    untils = [parse_until(text) for text in wanted.get("until")]
    removed, reclaimed = [], 0
    for record in engine.store.containers.all():
        if not _matches(record, wanted, untils):
            continue
        try:
            if current(engine, record.id)[1].running:
                continue
            size = tree_size(ContainerPaths(engine.settings, record.id).upper)
            if not dry_run:
                remove_container(engine, record.id)
        except (NoSuchContainer, Conflict):  # removed or started by somebody else meanwhile
            continue
        removed.append(record.id)
        reclaimed += size
    if not dry_run:
        prune_event(engine, "container", reclaimed)
    return PrunedContainers(tuple(removed), reclaimed)


def _matches(record: ContainerRecord, wanted: Filters, untils: list[int]) -> bool:
    if not all(record.created < until for until in untils):
        return False
    labels = record.config.labels
    if not labels_match(labels, wanted.get("label")):
        return False
    return not any(labels_match(labels, [text]) for text in wanted.get("label!"))
