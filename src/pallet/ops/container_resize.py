"""The size of a container's terminal. Source: docker engine API 1.41, ContainerResize."""

from __future__ import annotations

from pallet.engine import Engine
from pallet.errors import Conflict
from pallet.ops.container_state import current
from pallet.runtime.conmon import resize
from pallet.runtime.paths import ContainerPaths


def resize_container(engine: Engine, name: str, rows: int, columns: int) -> None:
    """Give a running container's terminal a size; one without a terminal is left as it is.

    Args:
        engine: whose store.
        name: its name, id or id prefix.
        rows: its height, in characters.
        columns: its width.

    Raises:
        NoSuchContainer: there is none.
        Conflict: it does not run.
    """
    id = engine.store.containers.find_id(name)
    if not current(engine, id)[1].running:
        raise Conflict(f"Container {id} is not running")
    resize(ContainerPaths(engine.settings, id), rows, columns)
