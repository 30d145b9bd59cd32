"""`docker container rename`."""

from __future__ import annotations

import msgspec

from pallet.engine import Engine
from pallet.errors import Conflict, InvalidInput
from pallet.network.bridges import bridges_of
from pallet.ops.container_names import check_name


def rename_container(engine: Engine, name: str, new: str) -> None:
    """Give a container another name. One that runs keeps its host name.

    Args:
        engine: whose store.
        name: its name, id or id prefix.
        new: the new name.

    Raises:
        NoSuchContainer: there is none.
        InvalidInput: one of the names is empty, the new one is not allowed, or is the old one.
        Conflict: the new name is taken.
    """
    if not name or not new:
        raise InvalidInput("Neither old nor new names may be empty")
    id = engine.store.containers.find_id(name)
    old = engine.store.containers.brief(id).name
    if old == new.removeprefix("/"):
        raise InvalidInput("Renaming a container with the same name as its current name")
    try:
        with engine.store.db.transaction():
            engine.store.containers.rename(id, check_name(new if new.startswith("/") else "/" + new))
            _rename_in_links(engine, old, new.removeprefix("/"))
            engine.store.events.add_of_container(id, "rename", {"oldName": f"/{old}"})
        bridges_of(engine.settings.run_dir).rename(id, old, new.removeprefix("/"))
    except (InvalidInput, Conflict) as error:
        raise type(error)(f"Error when allocating new name: {error.message}") from error


def _rename_in_links(engine: Engine, old: str, new: str) -> None:
    """Those that have a link to the container go on calling it as they did."""
    for id in {id for id, _, _ in engine.store.containers.linked_to(old)}:
        host = engine.store.containers.find(id).host
        pairs = [word.partition(":")[::2] for word in host.links]
        links = tuple(f"{new if name == old else name}:{alias or name}" for name, alias in pairs)
        engine.store.containers.set_host(id, msgspec.structs.replace(host, links=links))
