"""Holding a container's processes still, while its files are read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from pallet.engine import Engine
from pallet.host.spawn import Spawned
from pallet.ops.container_state import current, runtime_of
from pallet.runtime.oci_runtime import OciRuntime
from pallet.store.container_record import ContainerRecord

# Ends at a line of input; at the input's end without one, its writer has died: then the command that follows is run.
_GUARD = 'read -r line </proc/self/fd/"$1" && exit; shift; exec "$@"'


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
    with _resumed_at_death(runtime, record.id):
        runtime.pause(record.id)
        try:
            yield
        finally:
            runtime.resume(record.id)


@contextmanager
def _resumed_at_death(runtime: OciRuntime, id: str) -> Iterator[None]:
    """Have another process resume the container if this one is killed: nobody else would ever do it."""
    ours, theirs = os.pipe()
    try:
        argv = ["/bin/sh", "-c", _GUARD, "sh", str(ours), *runtime.resume_command(id)]
        guard = Spawned(argv, fds=(ours,))
    except BaseException:
        os.close(theirs)
        raise
    finally:
        os.close(ours)
    try:
        yield
    finally:
        os.write(theirs, b"\n")
        os.close(theirs)
        guard.wait()
