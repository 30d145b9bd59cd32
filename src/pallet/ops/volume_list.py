"""`docker volume ls` and `inspect`."""

from __future__ import annotations

from pallet.errors import InvalidInput
from pallet.ops.filters import Filters, found_in, labels_match
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
    dangling = _dangling(wanted.get("dangling"))
    users = engine.store.volumes.users() if dangling is not None else {}
    names, drivers = wanted.get("name"), wanted.get("driver")
    return [
        volume
        for volume in engine.store.volumes.all()
        if (dangling is None or dangling == (volume.name not in users))
        and (not names or any(found_in(name, volume.name) for name in names))
        and (not drivers or "local" in drivers)
        and labels_match(volume.labels, wanted.get("label"))
    ]


def _dangling(values: list[str]) -> bool | None:
    """What the filter asks for; None if it was not given. As with docker, one yes counts more than any no."""
    if not values:
        return None
    if "true" in values or "1" in values:
        return True
    if "false" in values or "0" in values:
        return False
    raise InvalidInput(f"Invalid filter 'dangling=[{' '.join(values)}]'")


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
