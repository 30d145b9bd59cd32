"""`docker container start`: from a record to a running process."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack

from pallet.engine import Engine
from pallet.errors import Conflict, PalletError, RuntimeFailed
from pallet.host.files import remove_tree
from pallet.host.locks import lock
from pallet.ops.container_config import write_config
from pallet.ops.container_etc import link_entries, tell_linked, write_etc
from pallet.ops.container_joins import find_joins
from pallet.ops.container_networks import clear_places, joined_networks
from pallet.ops.container_settle import settle_locked
from pallet.ops.container_shares import shared_clones
from pallet.ops.container_state import current
from pallet.ops.log_options import conmon_words
from pallet.ops.record_event import container_event, mount_events, network_event
from pallet.ops.supervision import ensure_supervisor, has_check, needs_supervisor
from pallet.ops.times import now_ns
from pallet.ops.volume_mounts import volume_mounts
from pallet.runtime import conmon
from pallet.runtime.launch import Created, Launch, Plan, end_launch
from pallet.runtime.oci_runtime import OciRuntime, find_runtime
from pallet.runtime.paths import ContainerPaths
from pallet.store.container_record import (
    ContainerRecord,
    ContainerState,
    NetworkState,
)
from pallet.store.networks import BRIDGE_ID, Endpoint, Network


def start_container(
    engine: Engine, record: ContainerRecord, *, before_start: Callable[[ContainerPaths], None] | None = None
) -> None:
    """Start a container; one that runs already is fine.

    Args:
        engine: whose store.
        record: the container.
        before_start: called when all is ready and the process has not begun, so that none of its output is missed.

    Raises:
        RuntimeFailed: the process cannot be started: docker's text and exit code.
        HostError: anything else that is missing, such as a free port.
        Conflict: it is paused.
        NoSuchContainer: it was removed meanwhile.
    """
    with lock(ContainerPaths(engine.settings, record.id).lock):
        start_locked(engine, record, before_start)


def start_locked(
    engine: Engine,
    record: ContainerRecord,
    before_start: Callable[[ContainerPaths], None] | None = None,
    *,
    again: bool = False,
) -> None:
    """As `start_container`, for a caller who holds the container's lock; `again` if its restart policy wants it."""
    _, now = current(engine, record.id)
    if now.running:
        if now.name == "paused":
            raise Conflict("cannot start a paused container, try unpause instead")
        return
    settle_locked(engine, record)
    try:
        _start(engine, record, ContainerPaths(engine.settings, record.id), before_start, again)
    except PalletError as error:
        _note_failure(engine, record, error)
        raise


def _start(
    engine: Engine,
    record: ContainerRecord,
    paths: ContainerPaths,
    before_start: Callable[[ContainerPaths], None] | None,
    again: bool,
) -> None:
    host, config = record.host, record.config
    runtime = find_runtime(host.runtime or engine.settings.runtime, paths.runtime_root)
    program = conmon.find_conmon()
    networks = joined_networks(engine, record)
    bridge = bool(networks)
    joins = find_joins(engine, record)
    layers = engine.snapshots.lower_dirs(record.chain_id) if record.chain_id else []
    links = link_entries(engine, record) if host.links or any(each.settings.links for _, each in networks) else []
    places: dict[str, NetworkState] = {}
    for directory in (paths.run_dir, paths.run):
        os.makedirs(directory, 0o700, exist_ok=True)
    with ExitStack() as stack:
        connection = None
        if bridge:
            from pallet.ops.container_places import find_places

            connection = stack.enter_context(find_places(engine, record, networks))
            places = connection.places
        if joins.etc is None:
            write_etc(record, paths, [(network, places[network.id]) for network, _ in networks], links)
        argv = conmon.command(
            program,
            paths,
            runtime,
            tty=config.tty,
            stdin=config.open_stdin,
            stdin_stays=config.open_stdin and not config.stdin_once,
            temporary=host.auto_remove,
            log=conmon_words(record, paths),
        )
        kept = connection.kept if connection is not None else ()
        volumes = volume_mounts(engine, record)
        clones = joins.clones + shared_clones(record, paths)
        plan = Plan(paths, tuple(layers), runtime, tuple(argv), bridge, kept, clones, volumes)
        launch = stack.enter_context(Launch(plan))
        if connection is not None:
            connection.begin(launch.netns)
        compiled = write_config(
            engine, record, paths, runtime, launch.root, joins, bridge=bridge, volumes=volumes, inside=launch.inside
        )
        launch.go()
        try:
            created = _created(engine, record, launch, networks)
            compiled.keep(record.id)
            joins.check()
            if connection is not None:
                connection.finish()
                connection.hold(created.pid, created.pid_start)
            if before_start is not None:
                before_start(paths)
            before = engine.store.containers.state(record.id)
            state = ContainerState(
                started=now_ns(),
                finished=before.finished,
                exit_code=before.exit_code,
                pid=created.pid,
                pid_start=created.pid_start,
                conmon=created.conmon,
                conmon_start=created.conmon_start,
                network=connection.state if connection is not None else NetworkState(),
                runtime=runtime.path,
                restarts=before.restarts + 1 if again else 0,
                supervised=needs_supervisor(record),
                checked=has_check(config.healthcheck),
            )
            if state.supervised:
                # Before anybody can take the container for a running one.
                ensure_supervisor(engine, record.id)
            with engine.store.db.transaction(lasting=not host.auto_remove):
                engine.store.containers.set_state(record.id, state)
                for network, _ in networks:
                    engine.store.networks.set_place(record.id, network.id, places[network.id])
                    network_event(engine, network, "connect", record.id)
                mount_events(engine, record.id, host.mounts, "mount")
            _run_process(engine, record, runtime, before)
            if BRIDGE_ID in places:
                tell_linked(engine, record, places[BRIDGE_ID].ip)
        except BaseException:
            end_launch(paths, runtime)
            raise


def _created(
    engine: Engine, record: ContainerRecord, launch: Launch, networks: list[tuple[Network, Endpoint]]
) -> Created:
    try:
        return launch.created(record.path)
    except RuntimeFailed:
        # docker, which joins the networks first, tells of both.
        with engine.store.db.transaction(lasting=False):
            for network, _ in networks:
                network_event(engine, network, "connect", record.id)
            mount_events(engine, record.id, record.host.mounts, "mount")
            for network, _ in networks:
                network_event(engine, network, "disconnect", record.id)
            mount_events(engine, record.id, record.host.mounts, "unmount")
        raise


def _run_process(engine: Engine, record: ContainerRecord, runtime: OciRuntime, before: ContainerState) -> None:
    try:
        runtime.start(record.id, record.path)
    except RuntimeFailed:
        with engine.store.db.transaction():
            engine.store.containers.set_state(record.id, before)  # it has not been started after all
            for network in clear_places(engine, record.id):
                network_event(engine, network, "disconnect", record.id)
            mount_events(engine, record.id, record.host.mounts, "unmount")
        raise
    container_event(engine, record, "start")


def _note_failure(engine: Engine, record: ContainerRecord, error: PalletError) -> None:
    state = engine.store.containers.state(record.id)
    code = error.exit_code if isinstance(error, RuntimeFailed) else 128
    failed = ContainerState(
        started=state.started,
        finished=max(state.finished, state.started),
        exit_code=code,
        error=error.message,
        stopped=state.stopped,
        restarts=state.restarts,
    )
    engine.store.containers.set_state(record.id, failed)
    remove_tree(ContainerPaths(engine.settings, record.id).run)
