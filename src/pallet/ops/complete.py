"""Names for the shell's completion. On the quick path."""

from __future__ import annotations

from pallet.naming import familiar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pallet.engine import Engine


def image_names(engine: Engine) -> list[str]:
    """Every tag, as docker prints it, and each repository that has a `latest`."""
    names: list[str] = []
    for row in engine.store.images.tags():
        name = familiar(row.name)
        names.append(f"{name}:{row.tag}")
        if row.tag == "latest":
            names.append(name)
    return names


def container_names(engine: Engine) -> list[str]:
    """Every container's name."""
    return [name for (name,) in engine.store.db.rows("SELECT name FROM containers ORDER BY name")]


def network_names(engine: Engine) -> list[str]:
    """Every network's name."""
    return sorted(["bridge", "host", "none", *(name for (name,) in engine.store.db.rows("SELECT name FROM networks"))])


def volume_names(engine: Engine) -> list[str]:
    """Every volume's name."""
    return [name for (name,) in engine.store.db.rows("SELECT name FROM volumes ORDER BY name")]


def object_names(engine: Engine) -> list[str]:
    """Whatever `inspect` takes: the names of containers, images, networks and volumes."""
    found = (*container_names(engine), *image_names(engine), *network_names(engine), *volume_names(engine))
    return sorted(set(found))


def _names_in(*states: str) -> Callable[[Engine], list[str]]:
    """A finder of the containers that are in one of these states right now."""

    def find(engine: Engine) -> list[str]:
        from pallet.ops.container_state import current

        rows = engine.store.db.rows("SELECT id, name FROM containers ORDER BY name")
        return [name for id, name in rows if current(engine, id)[1].name in states]

    return find


def _capabilities(engine: Engine) -> list[str]:
    from pallet.runtime.defaults import ALL_CAPABILITIES

    return ["ALL", *ALL_CAPABILITIES]


def _signals(engine: Engine) -> list[str]:
    from signal import Signals

    return [each.name.removeprefix("SIG") for each in Signals if not each.name.startswith("SIGRT")]


FINDERS = {
    "capability": _capabilities,
    "container": container_names,
    "image": image_names,
    "network": network_names,
    "object": object_names,
    "paused": _names_in("paused"),
    "running": _names_in("running"),
    "signal": _signals,
    "startable": _names_in("created", "exited"),
    "stoppable": _names_in("running", "paused", "restarting"),
    "volume": volume_names,
}
"""How the words of each kind are found."""
