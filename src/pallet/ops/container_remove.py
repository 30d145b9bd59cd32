"""`docker container rm`: a container, its files, and what it still holds."""

from __future__ import annotations

import time

from pallet.engine import Engine
from pallet.errors import Conflict
from pallet.host.files import remove_tree, unlink_if_there
from pallet.host.locks import lock, try_lock
from pallet.ops.container_mounts import own_volumes
from pallet.ops.container_settle import settle_locked
from pallet.ops.container_state import current
from pallet.ops.record_event import container_event, volume_event
from pallet.runtime.paths import ContainerPaths

_PATIENCE = 5.0  # seconds for those who still want to read the exit code


def remove_container(engine: Engine, name: str, *, force: bool = False, volumes: bool = False) -> str:
    """Remove a container.

    Args:
        engine: whose store.
        name: its name, id or id prefix.
        force: kill it if it runs.
        volumes: remove its anonymous volumes too.

    Returns:
        Its full id.

    Raises:
        NoSuchContainer: there is none.
        Conflict: it runs.
    """
    record = engine.store.containers.find(name)
    paths = ContainerPaths(engine.settings, record.id)
    with lock(paths.lock):
        _, now = current(engine, record.id)
        if not now.running:
            settle_locked(engine, record)
            _, now = current(engine, record.id)
        if now.running or now.name == "restarting":
            if not force:
                if now.name == "paused":
                    raise Conflict(
                        f"You cannot remove a paused container {record.id}. "
                        "Unpause and then stop the container before attempting removal or force remove"
                    )
                raise Conflict(
                    f"You cannot remove a {now.name} container {record.id}. "
                    "Stop the container before attempting removal or force remove"
                )
            engine.store.containers.mark_stopped(record.id)
            if now.running:
                from signal import SIGKILL

                from pallet.ops.container_signal import end_by_force

                end_by_force(engine, record, SIGKILL)
        settle_locked(engine, record)
        _wait_for_readers(paths)
        # The row first: files without a row are collected, a row without files would be a broken container.
        with engine.store.db.transaction(lasting=not record.host.auto_remove):
            own = own_volumes(engine, record) if volumes else []
            for volume in own:
                volume_event(engine, volume, "destroy")
            container_event(engine, record, "destroy")
            engine.store.containers.remove(record.id)
            gone = _forgotten(engine, own)
        for directory in (paths.directory, paths.run, *gone):
            remove_tree(directory)
        # No other process needs them: whoever waits for one finds no record.
        for path in paths.locks:
            unlink_if_there(path)
    return record.id


def _forgotten(engine: Engine, volumes: list[str]) -> list[str]:
    """Forget volumes; the directories of their files by now."""
    if not volumes:
        return []
    from pallet.ops.volume_remove import forget_volume

    return [forget_volume(engine, name) for name in volumes]


def _wait_for_readers(paths: ContainerPaths) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        held = try_lock(paths.wait)
        if held is not None:
            held.release()
            return
        time.sleep(0.005)
