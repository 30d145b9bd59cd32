"""How a container meets its host, as the store keeps it; the names are those of docker's HostConfig.

Apart from `pallet.store.container_record`, which holds one of these.
"""

from __future__ import annotations

from typing import Any

import msgspec


class PortBinding(msgspec.Struct, frozen=True):
    """One published port: container port and protocol (`80/tcp`) to an address and port of the host.

    Attributes:
        container: `80/tcp`.
        host_ip: empty for all addresses.
        host_port: empty for any free one; `8000-8010` for any free one of a range.
    """

    container: str
    host_ip: str = ""
    host_port: str = ""


class Mount(msgspec.Struct, frozen=True):
    """One mount point, as docker's inspect tells it.

    Attributes:
        type: `bind`, `volume` or `tmpfs`.
        source: the directory or file on the host; empty for a tmpfs.
        destination: the absolute path in the container.
        name: the volume's name; empty for a bind.
        mode: the options as the user wrote them.
        read_only: whether the container may not write.
        propagation: for a bind; `rprivate` unless the user says otherwise.
        anonymous: a volume without a name of the user's, which goes away with its container.
        no_copy: whether a new volume stays empty, and does not get what the image has there.
        not_recursive: whether a bind leaves out what is mounted below its source.
        made: whether a bind's source is made if it is missing (`-v`), not an error (`--mount`).
        options: a tmpfs's own options: `size=`, `mode=`, `noexec`, ...; of a volume only the flags of its mount.
    """

    type: str
    source: str
    destination: str
    name: str = ""
    mode: str = ""
    read_only: bool = False
    propagation: str = ""
    anonymous: bool = False
    no_copy: bool = False
    not_recursive: bool = False
    made: bool = True
    options: tuple[str, ...] = ()


class Ulimit(msgspec.Struct, frozen=True):
    """A resource limit of the process: `nofile` and the like; -1 for none."""

    name: str
    hard: int
    soft: int


class DeviceValue(msgspec.Struct, frozen=True):
    """A number for a device of the host: a weight, or a rate per second."""

    path: str
    value: int


class Device(msgspec.Struct, frozen=True):
    """A device of the host in the container; `permissions` of `r`, `w` and `m`."""

    host: str
    container: str
    permissions: str = "rwm"


class Resources(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a container may take; 0, empty or None for no limit. Sizes in bytes, times in microseconds.

    Attributes:
        memory: how much memory.
        memory_reservation: how much it keeps when memory is short.
        memory_swap: memory and swap together; -1 for unlimited swap.
        memory_swappiness: 0 to 100.
        kernel_memory: how much of the kernel's own memory; docker has given it up, and so have kernels.
        oom_kill_disable: whether its processes wait instead of being killed when memory runs out.
        nano_cpus: billionths of CPUs.
        cpu_shares: the weight against other containers.
        cpu_period: the length of a round of the CPU quota.
        cpu_quota: how long it may run in each round.
        cpu_rt_period: as `cpu_period`, for real-time processes.
        cpu_rt_runtime: as `cpu_quota`, for real-time processes.
        cpuset_cpus: the CPUs it may run on: `0-3,7`.
        cpuset_mems: the memory nodes it may use.
        pids_limit: how many processes; -1 for unlimited.
        blkio_weight: the weight of its block I/O, 10 to 1000.
        blkio_weight_device: the same for single devices.
        read_bps: bytes per second that it may read from devices; the others alike.
        devices: devices of the host that it gets.
        device_cgroup_rules: more devices that it may make and use: `c 7:* rmw`.
        ulimits: its process's limits.
        cgroup_parent: where its cgroup is made.
    """

    memory: int = 0
    memory_reservation: int = 0
    memory_swap: int = 0
    memory_swappiness: int | None = None
    kernel_memory: int = 0
    oom_kill_disable: bool = False
    nano_cpus: int = 0
    cpu_shares: int = 0
    cpu_period: int = 0
    cpu_quota: int = 0
    cpu_rt_period: int = 0
    cpu_rt_runtime: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    pids_limit: int | None = None
    blkio_weight: int = 0
    blkio_weight_device: tuple[DeviceValue, ...] = ()
    read_bps: tuple[DeviceValue, ...] = ()
    write_bps: tuple[DeviceValue, ...] = ()
    read_iops: tuple[DeviceValue, ...] = ()
    write_iops: tuple[DeviceValue, ...] = ()
    devices: tuple[Device, ...] = ()
    device_cgroup_rules: tuple[str, ...] = ()
    ulimits: tuple[Ulimit, ...] = ()
    cgroup_parent: str = ""


class RestartPolicy(msgspec.Struct, frozen=True, omit_defaults=True):
    """What happens when the container ends.

    Attributes:
        name: `no`, `always`, `unless-stopped` or `on-failure`.
        retries: how often at most; 0 for no limit.
    """

    name: str = "no"
    retries: int = 0


class HostConfig(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the container meets its host.

    Attributes:
        network_mode: `default` (the bridge), `bridge`, `host`, `none`, or `container:ID`.
        ports: what is published.
        publish_all: whether all exposed ports are published on free ports.
        binds: the `-v` words that name a source.
        mounts: what is mounted in the end, from `-v`, `--mount`, `--tmpfs`, `--volumes-from` and the image's volumes.
        mount_specs: each `--mount`, as docker's API has it.
        tmpfs: each `--tmpfs`: path and options.
        volumes_from: the `--volumes-from` words.
        volume_driver: the driver of new volumes: `local` or empty.
        links: `name:alias` of other containers.
        extra_hosts: `name:address` lines for /etc/hosts.
        dns: name servers in place of the host's; likewise the options and search domains.
        cap_add: capabilities beyond docker's default set, without `CAP_`; `ALL` for all.
        cap_drop: capabilities to take away.
        privileged: all capabilities and devices, nothing masked, no filter of system calls.
        security_opt: docker's words, a seccomp profile as its JSON.
        masked: whether the paths of /proc and /sys that tell much are hidden or read-only.
        group_add: more groups of the process, by name or number.
        sysctls: kernel settings of the container's own namespaces.
        init: whether a small init is the container's first process.
        ipc_mode: `private`, `shareable`, `none`, `host` or `container:ID`.
        pid_mode: empty for its own, `host` or `container:ID`.
        uts_mode: empty for its own, or `host`.
        userns_mode: empty or `host`.
        cgroupns_mode: `private` or `host`; empty for docker's default.
        isolation: empty or `default`.
        oom_score_adj: how much rather its processes are killed when the machine is out of memory; -1000 to 1000.
        shm_size: bytes of /dev/shm; 0 for docker's default.
        resources: what it may take.
        restart_policy: what happens when it ends.
        log_driver: `json-file`, `local`, `journald` or `none`.
        log_options: the driver's.
        read_only: whether the root file system is read-only.
        auto_remove: whether the container is removed when it ends.
        cidfile: the file its id was written to.
        runtime: the OCI runtime; empty for the engine's.
    """

    network_mode: str = "default"
    ports: tuple[PortBinding, ...] = ()
    publish_all: bool = False
    binds: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()
    mount_specs: tuple[dict[str, Any], ...] = ()
    tmpfs: dict[str, str] = {}
    volumes_from: tuple[str, ...] = ()
    volume_driver: str = ""
    links: tuple[str, ...] = ()
    extra_hosts: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    privileged: bool = False
    security_opt: tuple[str, ...] = ()
    masked: bool = True
    group_add: tuple[str, ...] = ()
    sysctls: dict[str, str] = {}
    init: bool = False
    ipc_mode: str = "private"
    pid_mode: str = ""
    uts_mode: str = ""
    userns_mode: str = ""
    cgroupns_mode: str = ""
    isolation: str = ""
    oom_score_adj: int = 0
    shm_size: int = 0
    resources: Resources = Resources()
    restart_policy: RestartPolicy = RestartPolicy()
    log_driver: str = "json-file"
    log_options: dict[str, str] = {}
    read_only: bool = False
    auto_remove: bool = False
    cidfile: str = ""
    runtime: str = ""
