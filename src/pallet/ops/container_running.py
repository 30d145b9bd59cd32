"""Whether a container runs, for operations that only need to know that."""

from __future__ import annotations

from pallet.engine import Engine
from pallet.runtime.paths import ContainerPaths
from pallet.runtime.state import status
from pallet.store.container_record import ContainerRecord


def is_running(engine: Engine, record: ContainerRecord) -> bool:
    """Whether the container runs right now."""
    state = engine.store.containers.state(record.id)
    return status(ContainerPaths(engine.settings, record.id), state).running
