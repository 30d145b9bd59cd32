"""`docker container rm --link`: a link of a container on the default bridge, without which it starts next time."""

from __future__ import annotations

import msgspec

from pallet.engine import Engine
from pallet.errors import Conflict, NoSuchContainer
from pallet.host.locks import lock
from pallet.runtime.paths import ContainerPaths


def remove_link(engine: Engine, name: str) -> None:
    """Remove a link.

    Args:
        engine: whose containers.
        name: the container that has the link, a slash, and how it calls the other one: `web/db`.

    Raises:
        NoSuchContainer: there is no such link.
        Conflict: it is a container's own name; docker's text.
    """
    parent, slash, alias = name.strip("/").partition("/")
    if not slash:
        engine.store.containers.find_id(name)
        raise Conflict("Conflict, cannot remove the default link name of the container")
    try:
        id = engine.store.containers.find_id(parent)
        with lock(ContainerPaths(engine.settings, id).lock), engine.store.db.transaction():
            host = engine.store.containers.find(id).host
            links = tuple(word for word in host.links if word.rpartition(":")[2] != alias)
            if links == host.links:
                raise NoSuchContainer(name)
            engine.store.containers.set_host(id, msgspec.structs.replace(host, links=links))
    except NoSuchContainer:
        raise NoSuchContainer(name) from None
