"""`docker container inspect`: all there is to know about a container, in docker's JSON, key for key.

Source: docker engine API 1.41, ContainerJSON; key order as docker 20.10 prints it. Keys for what pallet does not have
yet carry docker's value for "not set".
"""

from __future__ import annotations

from typing import Any

from pallet.engine import Engine
from pallet.errors import NotFound
from pallet.host.files import tree_size
from pallet.ops.container_state import current, runtime_of
from pallet.ops.times import rfc3339_nano
from pallet.runtime import defaults
from pallet.runtime.oci_runtime import has_cgroups_v2
from pallet.runtime.paths import ContainerPaths
from pallet.runtime.state import Status
from pallet.store.container_record import ContainerRecord, ContainerState, Mount, PortBinding

_NETWORK_ID = "0b" * 32


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
    brief, now = current(engine, record.id)
    state = engine.store.containers.state(record.id)
    paths = ContainerPaths(engine.settings, record.id)
    sizes = _sizes(engine, record, paths) if with_size else {}
    return {
        "Id": record.id,
        "Created": rfc3339_nano(record.created),
        "Path": record.path,
        "Args": list(record.args),
        "State": _state(state, now, brief.pid),
        "Image": str(record.image),
        "ResolvConfPath": paths.resolv_conf if state.started else "",
        "HostnamePath": paths.hostname if state.started else "",
        "HostsPath": paths.hosts if state.started else "",
        "LogPath": paths.log if state.started else "",
        "Name": "/" + record.name,
        "RestartCount": 0,
        "Driver": "overlay2",
        "Platform": "linux",
        "MountLabel": "",
        "ProcessLabel": "",
        "AppArmorProfile": "",
        "ExecIDs": None,
        "HostConfig": _host_config(record, runtime_of(engine, record).name),
        "GraphDriver": _graph_driver(engine, record, paths),
        **sizes,
        "Mounts": [_mount(mount) for mount in record.host.mounts],
        "Config": record.config.to_docker(),
        "NetworkSettings": _network(record, state, now),
    }


def _sizes(engine: Engine, record: ContainerRecord, paths: ContainerPaths) -> dict[str, int]:
    changed = tree_size(paths.upper)
    try:
        image = engine.store.images.get(record.image).size
    except NotFound:  # removed by force
        image = 0
    return {"SizeRw": changed, "SizeRootFs": changed + image}


def _state(state: ContainerState, now: Status, pid: int) -> dict[str, Any]:
    return {
        "Status": now.name,
        "Running": now.running,
        "Paused": now.name == "paused",
        "Restarting": False,
        "OOMKilled": False,
        "Dead": False,
        "Pid": pid if now.running else 0,
        "ExitCode": 0 if now.running else now.exit_code,
        "Error": state.error,
        "StartedAt": rfc3339_nano(state.started),
        "FinishedAt": rfc3339_nano(state.finished if now.running or now.recorded else now.finished),
    }


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


def _bindings(ports: tuple[PortBinding, ...]) -> dict[str, list[dict[str, str]]]:
    out: dict[str, list[dict[str, str]]] = {}
    for port in sorted(ports, key=lambda port: port.container):  # as text: Go writes a map's keys in order
        out.setdefault(port.container, []).append({"HostIp": port.host_ip, "HostPort": port.host_port})
    return out


def _network(record: ContainerRecord, state: ContainerState, now: Status) -> dict[str, Any]:
    mode = record.host.network_mode
    name = "bridge" if mode == "default" else mode
    network = state.network
    up = now.running and bool(network.ip)
    ports: dict[str, list[dict[str, str]] | None] = {}
    if up:
        ports = dict.fromkeys(record.config.exposed_ports or {})
        ports = dict(sorted((ports | _bindings(network.ports)).items()))
    place = {
        "Gateway": network.gateway if up else "",
        "IPAddress": network.ip if up else "",
        "IPPrefixLen": network.prefix if up else 0,
        "MacAddress": network.mac if up else "",
    }
    endpoint = record.id[::-1] if up else ""
    no_ipv6 = {"GlobalIPv6Address": "", "GlobalIPv6PrefixLen": 0}
    return {
        "Bridge": "",
        "SandboxID": record.id if state.started else "",
        "HairpinMode": False,
        "LinkLocalIPv6Address": "",
        "LinkLocalIPv6PrefixLen": 0,
        "Ports": ports,
        "SandboxKey": f"/proc/{state.pid}/ns/net" if now.running else "",
        "SecondaryIPAddresses": None,
        "SecondaryIPv6Addresses": None,
        "EndpointID": endpoint,
        "Gateway": place["Gateway"],
        **no_ipv6,
        "IPAddress": place["IPAddress"],
        "IPPrefixLen": place["IPPrefixLen"],
        "IPv6Gateway": "",
        "MacAddress": place["MacAddress"],
        "Networks": {
            name: {
                "IPAMConfig": None,
                "Links": None,
                "Aliases": None,
                "NetworkID": _NETWORK_ID if state.started else "",
                "EndpointID": endpoint,
                "Gateway": place["Gateway"],
                "IPAddress": place["IPAddress"],
                "IPPrefixLen": place["IPPrefixLen"],
                "IPv6Gateway": "",
                **no_ipv6,
                "MacAddress": place["MacAddress"],
                "DriverOpts": None,
            }
        },
    }


def _links(record: ContainerRecord) -> list[str] | None:
    out = []
    for word in record.host.links:
        name, _, alias = word.partition(":")
        out.append(f"/{name}:/{record.name}/{alias or name}")
    return out or None


def _host_config(record: ContainerRecord, runtime: str) -> dict[str, Any]:
    host = record.host
    return {
        "Binds": list(host.binds) or None,
        "ContainerIDFile": host.cidfile,
        "LogConfig": {"Type": "json-file", "Config": {}},
        "NetworkMode": host.network_mode,
        "PortBindings": _bindings(host.ports),
        "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
        "AutoRemove": host.auto_remove,
        "VolumeDriver": "",
        "VolumesFrom": None,
        "CapAdd": list(host.cap_add) or None,
        "CapDrop": list(host.cap_drop) or None,
        "CgroupnsMode": "private" if has_cgroups_v2() else "host",
        "Dns": [],
        "DnsOptions": [],
        "DnsSearch": [],
        "ExtraHosts": list(host.extra_hosts) or None,
        "GroupAdd": None,
        "IpcMode": "private",
        "Cgroup": "",
        "Links": _links(record),
        "OomScoreAdj": 0,
        "PidMode": "",
        "Privileged": False,
        "PublishAllPorts": host.publish_all,
        "ReadonlyRootfs": host.read_only,
        "SecurityOpt": None,
        "UTSMode": "",
        "UsernsMode": "",
        "ShmSize": defaults.SHM_SIZE,
        "Runtime": runtime,
        "ConsoleSize": [0, 0],
        "Isolation": "",
        "CpuShares": 0,
        "Memory": 0,
        "NanoCpus": 0,
        "CgroupParent": "",
        "BlkioWeight": 0,
        "BlkioWeightDevice": [],
        "BlkioDeviceReadBps": None,
        "BlkioDeviceWriteBps": None,
        "BlkioDeviceReadIOps": None,
        "BlkioDeviceWriteIOps": None,
        "CpuPeriod": 0,
        "CpuQuota": 0,
        "CpuRealtimePeriod": 0,
        "CpuRealtimeRuntime": 0,
        "CpusetCpus": "",
        "CpusetMems": "",
        "Devices": [],
        "DeviceCgroupRules": None,
        "DeviceRequests": None,
        "KernelMemory": 0,
        "KernelMemoryTCP": 0,
        "MemoryReservation": 0,
        "MemorySwap": 0,
        "MemorySwappiness": None,
        "OomKillDisable": False,
        "PidsLimit": None,
        "Ulimits": None,
        "CpuCount": 0,
        "CpuPercent": 0,
        "IOMaximumIOps": 0,
        "IOMaximumBandwidth": 0,
        "MaskedPaths": list(defaults.MASKED_PATHS),
        "ReadonlyPaths": list(defaults.READONLY_PATHS),
    }
