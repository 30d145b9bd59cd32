"""`docker container pause` and `unpause`; and holding a container still while its files are read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from pallet.engine import Engine
from pallet.errors import Conflict
from pallet.host.files import unlink_if_there
from pallet.host.locks import FileLock, lock
from pallet.host.spawn import Spawned
from pallet.ops.container_state import current, runtime_of
from pallet.ops.record_event import container_event
from pallet.runtime.hold import hold
from pallet.runtime.oci_runtime import OciRuntime
from pallet.runtime.paths import ContainerPaths
from pallet.store.container_record import ContainerRecord

# Ends at a line of input; at the input's end without one, its writer has died: then the command that follows is run.
_GUARD = 'read -r line </proc/self/fd/"$1" && exit; shift; exec "$@"'


def pause_container(engine: Engine, name: str) -> None:
    """Freeze a running container's processes until it is unpaused.

    Args:
        engine: whose store.
        name: its name, id or id prefix.

    Raises:
        NoSuchContainer: there is none.
        Conflict: it does not run, or is paused already.
        HostError: the runtime cannot freeze it.
    """
    record = engine.store.containers.find(name)
    with lock(ContainerPaths(engine.settings, record.id).lock):
        _, now = current(engine, record.id)
        if not now.running:
            raise Conflict(f"Container {record.id} is not running")
        if now.name == "paused":
            raise Conflict(f"Container {record.id} is already paused")
        runtime_of(engine, record).pause(record.id)
        container_event(engine, record, "pause")


def unpause_container(engine: Engine, name: str) -> None:
    """Let a paused container's processes go on.

    Args:
        engine: whose store.
        name: its name, id or id prefix.

    Raises:
        NoSuchContainer: there is none.
        Conflict: it is not paused.
        HostError: the runtime cannot thaw it.
    """
    record = engine.store.containers.find(name)
    with lock(ContainerPaths(engine.settings, record.id).lock):
        if current(engine, record.id)[1].name != "paused":
            raise Conflict(f"Container {record.id} is not paused")
        runtime_of(engine, record).resume(record.id)
        container_event(engine, record, "unpause")


@contextmanager
def paused(engine: Engine, record: ContainerRecord, wanted: bool = True) -> Iterator[None]:
    """Freeze a running container for as long as the context lasts; one that does not run, or is paused, needs none.

    If this process is killed, another one resumes the container; if that is killed too, whoever looks at it next does.

    Args:
        engine: whose store.
        record: the container.
        wanted: False to do nothing.

    Raises:
        HostError: the runtime cannot freeze it.
    """
    if not wanted:
        yield
        return
    paths = ContainerPaths(engine.settings, record.id)
    with ExitStack() as stack:
        with lock(paths.lock):
            if current(engine, record.id)[1].name == "running":
                runtime = runtime_of(engine, record)
                held = hold(paths)
                stack.callback(_let_go, engine, record, runtime, held)
                stack.enter_context(_resumed_at_death(runtime, record.id, held.fd))
                runtime.pause(record.id)
                container_event(engine, record, "pause")
        yield


def _let_go(engine: Engine, record: ContainerRecord, runtime: OciRuntime, held: FileLock) -> None:
    """Resume a container that was held, if it is there and nobody has done so meanwhile."""
    paths = ContainerPaths(engine.settings, record.id)
    with held:
        if not os.path.exists(paths.held):  # its run is over
            return
        with lock(paths.lock):
            if current(engine, record.id)[1].name == "paused":
                runtime.resume(record.id)
                container_event(engine, record, "unpause")
            unlink_if_there(paths.held)


@contextmanager
def _resumed_at_death(runtime: OciRuntime, id: str, held: int) -> Iterator[None]:
    """Have another process resume the container if this one is killed: nobody might look at it for long.

    Until it has, it holds the container in our place: that is what `held`, the lock's open file, is for.
    """
    ours, theirs = os.pipe()
    try:
        argv = ["/bin/sh", "-c", _GUARD, "sh", str(ours), *runtime.resume_command(id)]
        guard = Spawned(argv, fds=(ours, held))
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
