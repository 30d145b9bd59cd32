"""`docker container start`: from a record to a running process."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import ExitStack

from pallet.engine import Engine
from pallet.errors import Conflict, HostError, InvalidInput, PalletError, RuntimeFailed
from pallet.host import inroot
from pallet.host.files import remove_tree, write_all
from pallet.host.locks import lock
from pallet.network.bridge import Connection
from pallet.ops.container_settle import settle_locked
from pallet.ops.container_state import current
from pallet.ops.times import now_ns
from pallet.runtime import conmon, etc_files
from pallet.runtime.copy_up import fill_volume
from pallet.runtime.launch import Launch, Plan
from pallet.runtime.oci_runtime import OciRuntime, find_runtime, has_cgroups_v2
from pallet.runtime.paths import ContainerPaths
from pallet.runtime.spec import Surroundings, build_spec, encode_spec
from pallet.runtime.users import resolve_user
from pallet.store.container_record import ContainerRecord, ContainerState, NetworkState, PortBinding

_BRIDGES = ("default", "bridge")


def uses_bridge(network_mode: str) -> bool:
    """Whether a network mode means the default bridge."""
    return network_mode in _BRIDGES


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
    engine: Engine, record: ContainerRecord, before_start: Callable[[ContainerPaths], None] | None = None
) -> None:
    """As `start_container`, for a caller who holds the container's lock."""
    _, now = current(engine, record.id)
    if now.running:
        if now.name == "paused":
            raise Conflict("cannot start a paused container, try unpause instead")
        return
    settle_locked(engine, record)
    try:
        _start(engine, record, ContainerPaths(engine.settings, record.id), before_start)
    except PalletError as error:
        _note_failure(engine, record, error)
        raise


def _start(
    engine: Engine,
    record: ContainerRecord,
    paths: ContainerPaths,
    before_start: Callable[[ContainerPaths], None] | None,
) -> None:
    host, config = record.host, record.config
    runtime = find_runtime(host.runtime or engine.settings.runtime, paths.runtime_root)
    program = conmon.find_conmon()
    mode = host.network_mode
    if mode not in (*_BRIDGES, "host", "none"):
        raise HostError(f"network {mode} not found")
    bridge = uses_bridge(mode)
    layers = engine.snapshots.lower_dirs(record.chain_id) if record.chain_id else []
    links = _links(engine, record) if host.links else []
    network = NetworkState()
    for directory in (paths.run_dir, paths.run):
        os.makedirs(directory, 0o700, exist_ok=True)
    with ExitStack() as stack:
        connection = None
        if bridge:
            connection = stack.enter_context(_connect(record))
            network = connection.state
        _write_etc(record, paths, network, links)
        argv = conmon.command(
            program,
            paths,
            runtime,
            tty=config.tty,
            stdin=config.open_stdin,
            stdin_stays=config.open_stdin and not config.stdin_once,
        )
        kept = connection.reserved.fds if connection is not None else ()
        launch = stack.enter_context(Launch(Plan(paths, tuple(layers), runtime, tuple(argv), bridge, kept)))
        if connection is not None:
            connection.begin(launch.netns)
        _write_config(record, paths, launch.root, bridge)
        launch.go()
        created = launch.created(record.path)
        try:
            if connection is not None:
                connection.finish()
                connection.hold(created.pid, created.pid_start)
            if before_start is not None:
                before_start(paths)
            before = engine.store.containers.state(record.id)
            state = ContainerState(
                started=now_ns(),
                finished=before.finished,
                exit_code=0,
                pid=created.pid,
                pid_start=created.pid_start,
                conmon=created.conmon,
                conmon_start=created.conmon_start,
                network=network,
                runtime=runtime.path,
            )
            engine.store.containers.set_state(record.id, state)
            _run_process(engine, record, runtime, before)
        except BaseException:
            runtime.delete(record.id)
            raise


def _run_process(engine: Engine, record: ContainerRecord, runtime: OciRuntime, before: ContainerState) -> None:
    try:
        runtime.start(record.id, record.path)
    except RuntimeFailed:
        engine.store.containers.set_state(record.id, before)  # it has not been started after all
        raise


def _connect(record: ContainerRecord) -> Connection:
    ports = list(record.host.ports)
    if record.host.publish_all:
        published = {port.container for port in ports}
        ports += [PortBinding(port) for port in record.config.exposed_ports or () if port not in published]
    try:
        return Connection(record.id, record.name, tuple(ports))
    except HostError as error:
        if "port is already allocated" in error.message or "address already in use" in error.message:
            endpoint = f"driver failed programming external connectivity on endpoint {record.name} ({record.id})"
            raise HostError(f"{endpoint}: {error.message}") from error
        raise


def _note_failure(engine: Engine, record: ContainerRecord, error: PalletError) -> None:
    state = engine.store.containers.state(record.id)
    code = error.exit_code if isinstance(error, RuntimeFailed) else 128
    failed = ContainerState(
        started=state.started,
        finished=max(state.finished, state.started),
        exit_code=code,
        error=error.message,
    )
    engine.store.containers.set_state(record.id, failed)
    remove_tree(ContainerPaths(engine.settings, record.id).run)


def _links(engine: Engine, record: ContainerRecord) -> list[tuple[str, str]]:
    """The /etc/hosts entries of the containers linked to."""
    out = []
    for word in record.host.links:
        name, _, alias = word.partition(":")
        target = engine.store.containers.find(name)
        _, now = current(engine, target.id)
        alias = alias or target.name
        if not now.running:
            raise HostError(f"Cannot link to a non running container: /{target.name} AS /{record.name}/{alias}")
        network = engine.store.containers.state(target.id).network
        names = dict.fromkeys((alias, target.config.hostname, target.name))
        out.append((network.ip, " ".join(names)))
    return out


def _write_etc(
    record: ContainerRecord, paths: ContainerPaths, network: NetworkState, links: list[tuple[str, str]]
) -> None:
    config, own_network = record.config, record.host.network_mode != "host"
    entries = []
    for word in record.host.extra_hosts:
        name, _, address = word.partition(":")
        entries.append((network.gateway if address == "host-gateway" else address, name))
    entries += links
    full = f"{config.hostname}.{config.domainname}" if config.domainname else config.hostname
    if network.ip:
        bare = full.partition(".")[0]
        entries.append((network.ip, full if bare == full else f"{full} {bare}"))
    _write(paths.hosts, etc_files.hosts(entries) if own_network else _host_file("/etc/hosts"))
    _write(paths.hostname, full + "\n")
    _write(paths.resolv_conf, etc_files.resolv_conf(_host_file("/etc/resolv.conf"), own_network=own_network))


def _host_file(path: str) -> str:
    try:
        with open(path, errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""


def _write(path: str, text: str) -> None:
    """Write in place: a running container would not see another file in its place."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        os.fchmod(fd, 0o644)
        write_all(fd, text.encode("utf-8", "surrogateescape"))
    finally:
        os.close(fd)


def _write_config(record: ContainerRecord, paths: ContainerPaths, root: int, bridge: bool) -> None:
    """Write config.json, which needs a look at the mounted root, and make what it will expect there."""
    passwd = inroot.read_in_root(root, "/etc/passwd")
    group = inroot.read_in_root(root, "/etc/group")
    user = resolve_user(record.config.user, passwd, group)
    try:
        if record.config.working_dir:
            inroot.make_directories_in_root(root, record.config.working_dir)
        for mount in record.host.mounts:
            if mount.type == "volume":
                fill_volume(mount.source, root, mount.destination)
            elif not os.path.lexists(mount.source):
                os.makedirs(mount.source, 0o755, exist_ok=True)
    except OSError as error:
        if error.errno == errno.ENOTDIR:
            raise InvalidInput(f"Cannot mkdir: {error.filename} is not a directory") from error
        raise HostError(f"cannot prepare {error.filename}: {error.strerror}") from error
    network = paths.netns if bridge else "host" if record.host.network_mode == "host" else "new"
    spec = build_spec(record, Surroundings(paths, user, network, has_cgroups_v2()))
    with open(paths.config, "wb") as file:
        file.write(encode_spec(spec))
