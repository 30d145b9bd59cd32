"""`docker volume ls` and `inspect`."""

from __future__ import annotations

from pallet.ops.filters import Filters, labels_match
from pallet.ops.times import rfc3339_local
from pallet.ops.volume_create import volume_data

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from pallet.engine import Engine
    from pallet.store.volumes import Volume

FILTERS = ("dangling", "driver", "label", "name")


def list_volumes(engine: Engine, *, filters: Iterable[tuple[str, str]] = ()) -> list[Volume]:
    """The volumes, by name.

    Args:
        engine: whose store.
        filters: docker's, see `FILTERS`.

    Raises:
        InvalidInput: a bad filter, with docker's text.
    """
    wanted = Filters(filters, FILTERS)
    dangling = wanted.flag("dangling")
    users = engine.store.volumes.users() if dangling is not None else {}
    names, drivers = wanted.get("name"), wanted.get("driver")
    return [
        volume
        for volume in engine.store.volumes.all()
        if (dangling is None or dangling == (volume.name not in users))
        and (not names or any(name in volume.name for name in names))
        and (not drivers or "local" in drivers)
        and labels_match(volume.labels, wanted.get("label"))
    ]


def inspect_volume(engine: Engine, name: str) -> dict[str, Any]:
    """Inspect a volume.

    Returns:
        docker's JSON object (engine API 1.41, Volume).

    Raises:
        NotFound: there is none.
    """
    volume = engine.store.volumes.get(name)
    return {
        "CreatedAt": rfc3339_local(volume.created),
        "Driver": "local",
        "Labels": None if volume.labels is None else dict(sorted(volume.labels.items())),
        "Mountpoint": volume_data(engine, name),
        "Name": volume.name,
        "Options": None if volume.options is None else dict(sorted(volume.options.items())),
        "Scope": "local",
    }
