"""Holding a container's processes still, while its files are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pallet.engine import Engine
from pallet.ops.container_state import current, runtime_of
from pallet.store.container_record import ContainerRecord


@contextmanager
def paused(engine: Engine, record: ContainerRecord, wanted: bool = True) -> Iterator[None]:
    """Freeze a running container for as long as the context lasts; one that does not run needs no freezing.

    Args:
        engine: whose store.
        record: the container.
        wanted: False to do nothing.

    Raises:
        HostError: the runtime cannot freeze it.
    """
    if not wanted or not current(engine, record.id)[1].running:
        yield
        return
    runtime = runtime_of(engine, record)
    runtime.pause(record.id)
    try:
        yield
    finally:
        runtime.resume(record.id)
