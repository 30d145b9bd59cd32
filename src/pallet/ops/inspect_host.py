"""docker's HostConfig object in `container inspect`, key for key.

Source: docker engine API 1.41, HostConfig; the order of the keys and what is left out as docker 20.10 prints it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pallet.runtime import defaults
from pallet.runtime.oci_runtime import has_cgroups_v2
from pallet.store.container_record import ContainerRecord, PortBinding
from pallet.store.host_config import DeviceValue, HostConfig, Resources


def host_config(record: ContainerRecord, runtime: str) -> dict[str, Any]:
    """The object.

    Args:
        record: the container.
        runtime: the name of the OCI runtime it runs with.
    """
    host = record.host
    policy = host.restart_policy
    fields: dict[str, Any] = {
        "Binds": _list(host.binds),
        "ContainerIDFile": host.cidfile,
        "LogConfig": {"Type": host.log_driver, "Config": dict(sorted(host.log_options.items()))},
        "NetworkMode": host.network_mode,
        "PortBindings": bindings(host.ports),
        "RestartPolicy": {"Name": policy.name, "MaximumRetryCount": policy.retries},
        "AutoRemove": host.auto_remove,
        "VolumeDriver": host.volume_driver,
        "VolumesFrom": _list(host.volumes_from),
        "CapAdd": _list(host.cap_add),
        "CapDrop": _list(host.cap_drop),
        "CgroupnsMode": host.cgroupns_mode or ("private" if has_cgroups_v2() and not host.privileged else "host"),
        "Dns": list(host.dns),
        "DnsOptions": list(host.dns_options),
        "DnsSearch": list(host.dns_search),
        "ExtraHosts": _list(host.extra_hosts),
        "GroupAdd": _list(host.group_add),
        "IpcMode": host.ipc_mode,
        "Cgroup": "",
        "Links": _links(record),
        "OomScoreAdj": host.oom_score_adj,
        "PidMode": host.pid_mode,
        "Privileged": host.privileged,
        "PublishAllPorts": host.publish_all,
        "ReadonlyRootfs": host.read_only,
        "SecurityOpt": _list(host.security_opt),
    }
    if host.tmpfs:
        fields["Tmpfs"] = dict(sorted(host.tmpfs.items()))
    fields |= {
        "UTSMode": host.uts_mode,
        "UsernsMode": host.userns_mode,
        "ShmSize": host.shm_size or defaults.SHM_SIZE,
    }
    if host.sysctls:
        fields["Sysctls"] = dict(sorted(host.sysctls.items()))
    fields |= {
        "Runtime": runtime,
        "ConsoleSize": [0, 0],
        "Isolation": host.isolation,
        **_resources(host.resources),
    }
    if host.mount_specs:
        fields["Mounts"] = list(host.mount_specs)
    return fields | _masks(host) | ({"Init": True} if host.init else {})


def bindings(ports: tuple[PortBinding, ...]) -> dict[str, list[dict[str, str]]]:
    """docker's PortMap."""
    out: dict[str, list[dict[str, str]]] = {}
    for port in sorted(ports, key=lambda port: port.container):  # as text: Go writes a map's keys in order
        out.setdefault(port.container, []).append({"HostIp": port.host_ip, "HostPort": port.host_port})
    return out


def _list(words: Iterable[str]) -> list[str] | None:
    return list(words) or None


def _links(record: ContainerRecord) -> list[str] | None:
    out = []
    for word in record.host.links:
        name, _, alias = word.partition(":")
        out.append(f"/{name}:/{record.name}/{alias or name}")
    return out or None


def _masks(host: HostConfig) -> dict[str, Any]:
    if host.masked:
        return {"MaskedPaths": list(defaults.MASKED_PATHS), "ReadonlyPaths": list(defaults.READONLY_PATHS)}
    nothing: list[str] | None = None if host.privileged else []
    return {"MaskedPaths": nothing, "ReadonlyPaths": nothing}


def _resources(asked: Resources) -> dict[str, Any]:
    return {
        "CpuShares": asked.cpu_shares,
        "Memory": asked.memory,
        "NanoCpus": asked.nano_cpus,
        "CgroupParent": asked.cgroup_parent,
        "BlkioWeight": asked.blkio_weight,
        "BlkioWeightDevice": [{"Path": each.path, "Weight": each.value} for each in asked.blkio_weight_device],
        "BlkioDeviceReadBps": _rates(asked.read_bps),
        "BlkioDeviceWriteBps": _rates(asked.write_bps),
        "BlkioDeviceReadIOps": _rates(asked.read_iops),
        "BlkioDeviceWriteIOps": _rates(asked.write_iops),
        "CpuPeriod": asked.cpu_period,
        "CpuQuota": asked.cpu_quota,
        "CpuRealtimePeriod": asked.cpu_rt_period,
        "CpuRealtimeRuntime": asked.cpu_rt_runtime,
        "CpusetCpus": asked.cpuset_cpus,
        "CpusetMems": asked.cpuset_mems,
        "Devices": [
            {"PathOnHost": each.host, "PathInContainer": each.container, "CgroupPermissions": each.permissions}
            for each in asked.devices
        ],
        "DeviceCgroupRules": _list(asked.device_cgroup_rules),
        "DeviceRequests": None,
        "KernelMemory": asked.kernel_memory,
        "KernelMemoryTCP": 0,
        "MemoryReservation": asked.memory_reservation,
        "MemorySwap": asked.memory_swap,
        "MemorySwappiness": asked.memory_swappiness,
        "OomKillDisable": asked.oom_kill_disable,
        "PidsLimit": asked.pids_limit,
        "Ulimits": [{"Name": each.name, "Hard": each.hard, "Soft": each.soft} for each in asked.ulimits] or None,
        "CpuCount": 0,
        "CpuPercent": 0,
        "IOMaximumIOps": 0,
        "IOMaximumBandwidth": 0,
    }


def _rates(values: Iterable[DeviceValue]) -> list[dict[str, Any]] | None:
    return [{"Path": each.path, "Rate": each.value} for each in values] or None
