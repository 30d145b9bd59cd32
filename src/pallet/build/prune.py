"""`docker builder prune`: results of earlier builds that nobody need keep."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import msgspec

from pallet.build import cachemounts
from pallet.digest import Digest
from pallet.durations import parse_duration
from pallet.engine import Engine
from pallet.errors import InvalidInput
from pallet.ops.record_event import prune_event
from pallet.ops.times import now_ns, parse_until
from pallet.store.build_cache import CachedLayer

_FILTERS = ("until", "unused-for", "id", "type")
_LAYER = "regular"
_MOUNT = "exec.cachemount"


class _Undone(Exception):
    """What has been tried is undone."""


class Pruned(msgspec.Struct, frozen=True):
    """What went: ids, and the bytes that this freed."""

    removed: tuple[str, ...]
    reclaimed: int


def prune_builds(
    engine: Engine,
    *,
    all: bool = False,
    filters: Sequence[tuple[str, str]] = (),
    keep_storage: int = 0,
    dry_run: bool = False,
) -> Pruned:
    """Remove results of the build cache, and directories of RUN --mount=type=cache.

    Args:
        engine: whose store.
        all: also results whose layers an image has; without it only what the cache alone keeps.
        filters: `until` (not used since a moment), `unused-for` (a duration), `id`, `type`.
        keep_storage: leave so many bytes: those used last.
        dry_run: only tell what would go; a cache directory in use is told of, too.

    Raises:
        InvalidInput: a bad filter.
    """
    before = _limit(filters)
    types = [value for name, value in filters if name == "type"]
    ids = [value for name, value in filters if name == "id"]
    cache = engine.store.build_cache
    own = cache.own_chains()
    room = keep_storage
    chosen: list[CachedLayer] = []
    seen: set[Digest] = set()
    for layer in cache.all():
        if layer.chain_id in own and layer.chain_id not in seen:
            room -= layer.size
        new = layer.chain_id not in seen
        seen.add(layer.chain_id)
        if (types and _LAYER not in types) or (ids and not any(layer.key.hex.startswith(id) for id in ids)):
            continue
        if not all and layer.chain_id not in own:
            continue
        if max(layer.used, layer.created) >= before or (keep_storage and room >= 0 and new):
            continue
        chosen.append(layer)
    removed = [layer.key.short for layer in chosen]
    reclaimed = sum(own.values())
    with suppress(_Undone), engine.store.db.transaction():
        cache.remove([layer.key for layer in chosen])
        reclaimed -= sum(cache.own_chains().values())
        if dry_run:
            raise _Undone
    if not types or _MOUNT in types:
        for mount in cachemounts.all_mounts(engine.settings.root):
            name = mount.path.rpartition("/mounts/")[2].replace("/", "-")
            if (ids and name not in ids) or mount.used >= before or keep_storage:
                continue
            if dry_run or cachemounts.remove(mount):
                removed.append(name)
                reclaimed += mount.size
    if dry_run:
        return Pruned(tuple(removed), reclaimed)
    if not filters and not keep_storage:
        cache.forget_files()
    engine.store.last_builds.forget()
    prune_event(engine, "builder", reclaimed)
    engine.store.collect(engine.snapshots.remove, blocking=False)
    return Pruned(tuple(removed), reclaimed)


def _limit(filters: Sequence[tuple[str, str]]) -> int:
    """Only what was last used before this moment goes, in nanoseconds since the epoch."""
    limit = now_ns() + 1
    for name, value in filters:
        if name not in _FILTERS:
            raise InvalidInput(f"invalid filter '{name}'")
        if name == "until":
            limit = min(limit, parse_until(value))
        elif name == "unused-for":
            limit = min(limit, now_ns() - parse_duration(value))
    return limit
