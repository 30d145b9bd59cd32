"""`docker image prune`: remove images that nothing uses."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from pallet.engine import Engine
from pallet.errors import Conflict, InvalidInput, NoSuchImage
from pallet.naming import familiar
from pallet.oci.config import parse_config
from pallet.ops.disk_usage import unshared_bytes
from pallet.ops.filters import Filters, labels_match
from pallet.ops.glob import path_match
from pallet.ops.record_event import prune_event
from pallet.ops.remove_image import Removed, remove_image
from pallet.ops.times import parse_until
from pallet.store.rows import ImageRow

FILTERS = ("dangling", "label", "label!", "until", "unused-for")


class PrunedImages(msgspec.Struct, frozen=True):
    """What was removed (or would be), and how many bytes of unpacked layers that frees."""

    removed: tuple[Removed, ...]
    reclaimed: int


def prune_images(
    engine: Engine,
    *,
    all: bool = False,
    filters: Iterable[tuple[str, str]] = (),
    protect: Iterable[str] = (),
    dry_run: bool = False,
) -> PrunedImages:
    """Remove dangling images, or all that no container uses.

    Args:
        engine: whose store.
        all: also images that have names.
        filters: docker's `until=TIME` (made before it), `label=`, `label!=`, and pallet's `unused-for=24h` (not run
            since then).
        protect: names that must stay, as shell patterns on `name:tag` or `name`.
        dry_run: only tell what would go.

    Raises:
        InvalidInput: a bad filter or pattern.
    """
    chosen = Filters(filters, FILTERS)
    before, unused = _moment(chosen, "until"), _moment(chosen, "unused-for")
    protected = tuple(protect)
    if chosen.flag("dangling") is False:
        all = True
    doomed = [row for row in engine.store.images.rows() if row.created < before and max(row.used, row.added) < unused]
    others = set() if all else engine.store.images.led_to()
    doomed = [row for row in doomed if row.id not in others and _may_go(engine, row, all, chosen, protected)]
    reclaimed = unshared_bytes(engine, {row.id for row in doomed})
    if dry_run:
        return PrunedImages(tuple(line for row in doomed for line in _lines(engine, row)), reclaimed)
    removed: list[Removed] = []
    for row in doomed:
        names = [f"{tag.name}:{tag.tag}" for tag in engine.store.images.tags_of(row.id)]
        for name in names or [row.id]:
            try:
                removed += remove_image(engine, name)
            except (Conflict, NoSuchImage):
                # Used or removed by another process meanwhile: not ours to remove any more.
                continue
    prune_event(engine, "image", reclaimed)
    return PrunedImages(tuple(removed), reclaimed)


def _moment(filters: Filters, key: str) -> float:
    """The moment that a filter names, in nanoseconds since the epoch; infinity without the filter."""
    texts = filters.get(key)
    if len(texts) > 1:
        raise InvalidInput(f"more than one {key} filter specified")
    return parse_until(texts[0]) if texts else math.inf


def _may_go(engine: Engine, row: ImageRow, all: bool, filters: Filters, protected: tuple[str, ...]) -> bool:
    images = engine.store.images
    tags = images.tags_of(row.id)
    if (tags and not all) or images.children(row.id) or engine.store.containers.using_image(row.id):
        return False
    if not tags and not all and images.repo_digests_of(row.id):
        return False
    for tag in tags:
        name = familiar(tag.name)
        if any(path_match(pattern, name) or path_match(pattern, f"{name}:{tag.tag}") for pattern in protected):
            return False
    return _labels_allow(engine, row, filters)


def _labels_allow(engine: Engine, row: ImageRow, filters: Filters) -> bool:
    if "label" not in filters and "label!" not in filters:
        return True
    config = parse_config(engine.store.blobs.read(engine.store.images.config_of(row.id))).config
    labels = config.labels if config else None
    if not labels_match(labels, filters.get("label")):
        return False
    return not any(labels_match(labels, [text]) for text in filters.get("label!"))


def _lines(engine: Engine, row: ImageRow) -> list[Removed]:
    tags = engine.store.images.tags_of(row.id)
    untagged = [Removed(untagged=f"{familiar(tag.name)}:{tag.tag}") for tag in tags]
    return [*untagged, Removed(deleted=row.id)]
