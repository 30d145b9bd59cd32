"""`docker container inspect`: all there is to know about a container, in docker's JSON, key for key.

Source: docker engine API 1.41, ContainerJSON; key order as docker 20.10 prints it. Keys for what pallet does not have
yet carry docker's value for "not set".
"""

from __future__ import annotations

from typing import Any

import msgspec

from pallet.engine import Engine
from pallet.errors import NotFound
from pallet.host.files import tree_size
from pallet.ops.container_notice import noticed
from pallet.ops.container_place import network_settings
from pallet.ops.container_state import current, runtime_of
from pallet.ops.health import read_health
from pallet.ops.inspect_host import host_config
from pallet.ops.supervision import has_check
from pallet.ops.times import rfc3339_nano
from pallet.runtime import health_file
from pallet.runtime.apparmor import loaded_profiles, profile_of
from pallet.runtime.exec_notes import running_execs
from pallet.runtime.paths import ContainerPaths
from pallet.runtime.spec import security_words
from pallet.runtime.state import Status
from pallet.runtime.supervisor_file import is_supervised
from pallet.store.container_record import ContainerRecord, ContainerState, Mount


def inspect_container(engine: Engine, name: str, *, with_size: bool = False) -> dict[str, Any]:
    """Inspect a container.

    Args:
        engine: whose store.
        name: its name, id or id prefix.
        with_size: also count the bytes of its files, which takes time.

    Returns:
        docker's JSON object.

    Raises:
        NoSuchContainer: there is none.
    """
    record = engine.store.containers.find(name)
    _, now = noticed(engine, *current(engine, record.id))
    state = engine.store.containers.state(record.id)
    paths = ContainerPaths(engine.settings, record.id)
    sizes = _sizes(engine, record, paths) if with_size else {}
    return {
        "Id": record.id,
        "Created": rfc3339_nano(record.created),
        "Path": record.path,
        "Args": list(record.args),
        "State": _state(engine, record, state, now),
        "Image": str(record.image),
        "ResolvConfPath": paths.resolv_conf if state.started else "",
        "HostnamePath": paths.hostname if state.started else "",
        "HostsPath": paths.hosts if state.started else "",
        "LogPath": paths.log if state.started and record.host.log_driver == "json-file" else "",
        "Name": "/" + record.name,
        "RestartCount": state.restarts,
        "Driver": "overlay2",
        "Platform": "linux",
        "MountLabel": "",
        "ProcessLabel": "",
        "AppArmorProfile": _apparmor(record, started=bool(state.started)),
        "ExecIDs": running_execs(paths) or None if now.running else None,
        "HostConfig": host_config(record, runtime_of(engine, record).name),
        "GraphDriver": _graph_driver(engine, record, paths),
        **sizes,
        "Mounts": [_mount(mount) for mount in record.host.mounts],
        "Config": record.config.to_docker(),
        "NetworkSettings": network_settings(engine, record, state, now),
    }


def _apparmor(record: ContainerRecord, *, started: bool) -> str:
    """The user's profile; once it has been started, the one that it got."""
    asked = security_words(record.host).get("apparmor", "")
    return profile_of(asked, record.host, loaded_profiles()) if started else asked


def _sizes(engine: Engine, record: ContainerRecord, paths: ContainerPaths) -> dict[str, int]:
    changed = tree_size(paths.upper)
    try:
        image = engine.store.images.get(record.image).size
    except NotFound:  # removed by force
        image = 0
    return {"SizeRw": changed, "SizeRootFs": changed + image}


def _state(engine: Engine, record: ContainerRecord, state: ContainerState, now: Status) -> dict[str, Any]:
    restarting = now.name == "restarting"
    fields = {
        "Status": now.name,
        "Running": now.running or restarting,
        "Paused": now.name == "paused",
        "Restarting": restarting,
        "OOMKilled": False if now.running else state.oom_killed,
        "Dead": False,
        "Pid": state.pid if now.running else 0,
        "ExitCode": 0 if now.running else now.exit_code,
        "Error": state.error,
        "StartedAt": rfc3339_nano(state.started),
        "FinishedAt": rfc3339_nano(state.finished if now.running or now.recorded else now.finished),
    }
    if state.checked and has_check(record.config.healthcheck):
        fields["Health"] = _health(ContainerPaths(engine.settings, record.id), state, now)
    return fields


def _health(paths: ContainerPaths, state: ContainerState, now: Status) -> dict[str, Any]:
    """docker calls a container that has stopped unhealthy."""
    health = read_health(paths)
    status = health_file.UNHEALTHY
    if now.running:
        status = health_file.read_status(paths, state.started, watched=is_supervised(paths))
    fresh = status == health_file.STARTING and health.status != status
    log = [msgspec.to_builtins(result) for result in health.log]
    return {"Status": status, "FailingStreak": 0 if fresh else health.failing_streak, "Log": log}


def _mount(mount: Mount) -> dict[str, Any]:
    fields: dict[str, Any] = {"Type": mount.type}
    if mount.type == "volume":
        fields["Name"] = mount.name
    fields |= {"Source": mount.source, "Destination": mount.destination}
    if mount.type == "volume":
        fields["Driver"] = "local"
    return fields | {"Mode": mount.mode, "RW": not mount.read_only, "Propagation": mount.propagation}


def _graph_driver(engine: Engine, record: ContainerRecord, paths: ContainerPaths) -> dict[str, Any]:
    try:
        layers = engine.snapshots.lower_dirs(record.chain_id) if record.chain_id else []
    except NotFound:
        layers = []
    data = {
        "LowerDir": ":".join([paths.init, *layers]),
        "MergedDir": paths.merged,
        "UpperDir": paths.upper,
        "WorkDir": paths.work,
    }
    return {"Data": data, "Name": "overlay2"}
