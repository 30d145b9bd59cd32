"""Settling a container that has ended: recording how, and giving back what its run took.

conmon's exit command does it, and so does whoever notices; it is done once, under the container's lock.
"""

from __future__ import annotations

import os

import msgspec

from pallet.engine import Engine
from pallet.errors import NoSuchContainer
from pallet.host.files import remove_tree, unlink_if_there
from pallet.host.locks import lock, try_lock
from pallet.ops.container_networks import clear_places
from pallet.ops.container_state import current, runtime_of
from pallet.ops.exec_ends import record_ends_with_container
from pallet.ops.record_event import container_event, mount_events, network_event
from pallet.ops.supervision import ensure_supervisor, restarts, wants_restart
from pallet.ops.times import now_ns
from pallet.runtime.paths import ContainerPaths
from pallet.runtime.state import has_begun
from pallet.store.container_record import ContainerRecord, ContainerState, NetworkState

_JUST_NOW = 1_000_000_000  # nanoseconds


def settle_container(engine: Engine, id: str) -> None:
    """Settle a container that has ended; remove it if it is to be removed. One that runs, or is gone, is left alone.

    Args:
        engine: whose store.
        id: the full id.
    """
    paths = ContainerPaths(engine.settings, id)
    try:
        record = engine.store.containers.find(id)
        with lock(paths.lock):
            _, now = current(engine, id)
            if now.running or now.name == "restarting":
                return
            settle_locked(engine, record)
        if restarts(record) and wants_restart(record, engine.store.containers.state(id)):
            ensure_supervisor(engine, id)
        if record.host.auto_remove and now.name != "created":
            from pallet.ops.container_remove import remove_container

            remove_container(engine, id, volumes=True)
    except NoSuchContainer:
        _forget_locks(engine, paths)


def settle_if_idle(engine: Engine, id: str) -> None:
    """As `settle_container`, unless somebody is just seeing to the container."""
    held = try_lock(ContainerPaths(engine.settings, id).lock)
    if held is not None:
        held.release()
        settle_container(engine, id)


def settle_locked(engine: Engine, record: ContainerRecord) -> None:
    """Settle a container that does not run; the caller holds its lock."""
    paths = ContainerPaths(engine.settings, record.id)
    _, now = current(engine, record.id)
    if not now.recorded and not has_begun(paths, engine.store.containers.brief(record.id).pid):
        _take_back(engine, record)
    elif not now.recorded:
        with engine.store.db.transaction(lasting=not record.host.auto_remove):
            # Read in the transaction: somebody may just be marking it as stopped.
            state = engine.store.containers.state(record.id)
            ended = msgspec.structs.replace(
                state,
                finished=max(now.finished, state.started),
                exit_code=now.exit_code,
                oom_killed=os.path.exists(paths.oom),
                network=NetworkState(),
            )
            if wants_restart(record, ended):
                # From now on it is restarting, not exited; its supervisor says when.
                ended = msgspec.structs.replace(ended, restart_at=ended.finished)
            engine.store.containers.set_state(record.id, ended)
            _record_end(engine, record, ended)
    if not os.path.isdir(paths.run):
        return
    from pallet.runtime.cgroups import end_group, group_of, remove_empty
    from pallet.runtime.launch import end_launch

    end_launch(paths, runtime_of(engine, record))
    end_group(group_of(record.host.resources, record.id))
    if record.host.resources.cgroup_parent:
        remove_empty(record.host.resources.cgroup_parent)
    if engine.store.networks.of_container(record.id):
        from pallet.network.bridges import bridges_of  # not for those without a network: it takes its time

        bridges_of(engine.settings.run_dir).disconnect(record.id)
    # conmon's exit command works in conmon's mount namespace, where the root file system is still mounted.
    for target in (paths.merged, paths.netns):
        if os.path.exists(target):
            _unmount(target)
    remove_tree(paths.run)


def _take_back(engine: Engine, record: ContainerRecord) -> None:
    """A start broke off before the process had begun: it is as it was before."""
    with engine.store.db.transaction(lasting=not record.host.auto_remove):
        state = engine.store.containers.state(record.id)
        before = ContainerState(
            started=min(state.started, state.finished),
            finished=state.finished,
            exit_code=state.exit_code,
            runtime=state.runtime,
            stopped=state.stopped,
            restarts=state.restarts,
        )
        if wants_restart(record, before):
            before = msgspec.structs.replace(before, restart_at=now_ns())
        engine.store.containers.set_state(record.id, before)
        _record_leaving(engine, record)


def _record_end(engine: Engine, record: ContainerRecord, ended: ContainerState) -> None:
    # What has just happened is told in the order of the telling: the clock of files is a coarse one.
    moment = ended.finished if now_ns() - ended.finished > _JUST_NOW else 0
    if ended.oom_killed:
        container_event(engine, record, "oom", moment=moment)
    record_ends_with_container(engine, record.id, moment)
    container_event(engine, record, "die", {"exitCode": str(ended.exit_code)}, moment=moment)
    _record_leaving(engine, record)


def _record_leaving(engine: Engine, record: ContainerRecord) -> None:
    for network in clear_places(engine, record.id):
        network_event(engine, network, "disconnect", record.id)
    mount_events(engine, record.id, record.host.mounts, "unmount")


def _unmount(target: str) -> None:
    from pallet.host import mounts

    try:
        mounts.unmount(target, mounts.MNT_DETACH)
    except OSError:
        return  # not mounted, as seen from outside


def _forget_locks(engine: Engine, paths: ContainerPaths) -> None:
    """Remove the lock files of a container that is gone: ids never come back, so nobody needs them any more."""
    if not engine.store.containers.has(paths.id):
        for path in paths.locks:
            unlink_if_there(path)
