"""docker-py's words for a new container, and their shapes: those of docker-py 7 (`containers.run` and `create`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from pallet.progress import Progress
from pallet.sdk.limit_words import Size

Words = str | Sequence[str]
"""A command: one text, split as a shell would, or its words."""

HostPort = int | str | None
"""A port of the host; None for any free one."""

PortTarget = HostPort | tuple[str] | tuple[str, HostPort] | Sequence[HostPort | tuple[str] | tuple[str, HostPort]]
"""Where a container's port is published: a port, `(address, port)`, or a list of these."""

Binds = Mapping[str, str | Mapping[str, str]] | Sequence[str]
"""`{"/on/host": {"bind": "/in/container", "mode": "ro"}}`, or `["/on/host:/in/container:ro"]`."""


class CreateWords(TypedDict, total=False):
    """What a container may be told when it is made; the names are docker-py's.

    Attributes:
        auto_remove: remove it when it has ended.
        blkio_weight_device: `[{"Path": "/dev/sda", "Weight": 500}]`.
        cap_add: capabilities to add.
        cap_drop: capabilities to take away.
        cgroupns: `private` or `host`.
        device_cgroup_rules: `["c 7:* rmw"]`.
        device_read_bps: `[{"Path": "/dev/sda", "Rate": "1mb"}]`; the others like it.
        devices: `["/dev/on/host:/dev/in/container:rwm"]`.
        dns: name servers; `dns_opt` and `dns_search` go with them.
        domainname: its domain name.
        entrypoint: replaces the image's; one text or words.
        environment: `{"NAME": "value"}` (None takes the variable away), or `["NAME=value"]`.
        extra_hosts: `{"name": "address"}` for its /etc/hosts.
        group_add: more groups, by name or number.
        healthcheck: `{"test": ["CMD", "true"], "interval": 10**9}`: times in nanoseconds.
        hostname: its host name.
        init: a small init is its first process.
        ipc_mode: `private`, `shareable`, `host`, `none`, `container:NAME`; `pid_mode` and `uts_mode` like it.
        labels: `{"label": "value"}`, or `["label"]`.
        links: `{"container": "alias"}`.
        log_config: `{"Type": "json-file", "Config": {"max-size": "1m"}}`.
        mem_limit: bytes, or a text such as `512m`; so are the other sizes.
        mounts: docker-py's `Mount`s: mappings of Target, Source, Type, ReadOnly, BindOptions, ...
        name: its name; one is made up if not given.
        nano_cpus: billionths of CPUs.
        network: the network: `bridge`, `host` or `none`, or the name of one.
        network_disabled: the same as the network `none`.
        network_mode: another word for `network`; `container:NAME` is one too.
        networking_config: `{network: {"Aliases": [...], "IPAMConfig": {"IPv4Address": ...}}}` for `network`.
        ports: `{"80/tcp": 8080, "53/udp": ("127.0.0.1", 53), 443: None}`.
        privileged: all capabilities and devices.
        publish_all_ports: publish all exposed ports on free ports.
        read_only: its root file system may not be written.
        restart_policy: `{"Name": "on-failure", "MaximumRetryCount": 5}`.
        security_opt: `["no-new-privileges", "seccomp=JSON"]`.
        stdin_open: keep its standard input open.
        stop_signal: what `stop` sends first.
        sysctls: `{"net.ipv4.ip_forward": "1"}`.
        tmpfs: `{"/path": "size=1m"}`.
        tty: give it a terminal.
        ulimits: `[{"Name": "nofile", "Soft": 64, "Hard": 128}]`.
        user: who runs it: a name or number, `user:group`.
        volumes: directories of the host, and volumes, to mount.
        volumes_from: containers whose mounts it gets.
        working_dir: where its command starts.
    """

    auto_remove: bool
    blkio_weight: int | None
    blkio_weight_device: Sequence[Mapping[str, Any]] | None
    cap_add: Sequence[str] | None
    cap_drop: Sequence[str] | None
    cgroup_parent: str | None
    cgroupns: str | None
    cpu_period: int | None
    cpu_quota: int | None
    cpu_rt_period: int | None
    cpu_rt_runtime: int | None
    cpu_shares: int | None
    cpuset_cpus: str | None
    cpuset_mems: str | None
    device_cgroup_rules: Sequence[str] | None
    device_read_bps: Sequence[Mapping[str, Any]] | None
    device_read_iops: Sequence[Mapping[str, Any]] | None
    device_write_bps: Sequence[Mapping[str, Any]] | None
    device_write_iops: Sequence[Mapping[str, Any]] | None
    devices: Sequence[str] | None
    dns: Sequence[str] | None
    dns_opt: Sequence[str] | None
    dns_search: Sequence[str] | None
    domainname: str | None
    entrypoint: Words | None
    environment: Mapping[str, object] | Sequence[str] | None
    extra_hosts: Mapping[str, str] | Sequence[str] | None
    group_add: Sequence[str | int] | None
    healthcheck: Mapping[str, Any] | None
    hostname: str | None
    init: bool | None
    ipc_mode: str | None
    isolation: str | None
    kernel_memory: Size | None
    labels: Mapping[str, str] | Sequence[str] | None
    links: Mapping[str, str | None] | Sequence[tuple[str, str | None]] | None
    log_config: Mapping[str, Any] | None
    mac_address: str | None
    mem_limit: Size | None
    mem_reservation: Size | None
    mem_swappiness: int | None
    memswap_limit: Size | None
    mounts: Sequence[Mapping[str, Any]] | None
    name: str | None
    nano_cpus: int | None
    network: str | None
    network_disabled: bool
    network_mode: str | None
    networking_config: Mapping[str, Any] | None
    oom_kill_disable: bool
    oom_score_adj: int | None
    pid_mode: str | None
    pids_limit: int | None
    ports: Mapping[int | str, PortTarget] | None
    privileged: bool
    publish_all_ports: bool
    read_only: bool
    restart_policy: Mapping[str, Any] | None
    runtime: str | None
    security_opt: Sequence[str] | None
    shm_size: Size | None
    stdin_open: bool
    stop_signal: str | None
    sysctls: Mapping[str, object] | None
    tmpfs: Mapping[str, str | None] | Sequence[str] | None
    tty: bool
    ulimits: Sequence[Mapping[str, Any]] | None
    user: str | int | None
    userns_mode: str | None
    uts_mode: str | None
    volume_driver: str | None
    volumes: Binds | None
    volumes_from: Sequence[str] | None
    working_dir: str | None


class RunWords(CreateWords, total=False):
    """What `Containers.run` may be told besides image, command and what changes the kind of its result."""

    stdout: bool
    stderr: bool
    remove: bool
    platform: str | None
    progress: Progress | None
