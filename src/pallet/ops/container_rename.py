"""`docker container rename`."""

from __future__ import annotations

from pallet.engine import Engine
from pallet.errors import Conflict, InvalidInput
from pallet.network.bridge import rename
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
            engine.store.events.add_of_container(id, "rename", {"oldName": f"/{old}"})
        rename(id, old, new.removeprefix("/"))
    except (InvalidInput, Conflict) as error:
        raise type(error)(f"Error when allocating new name: {error.message}") from error
