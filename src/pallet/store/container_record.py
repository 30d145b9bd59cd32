"""What the store keeps about a container, as typed values.

Apart from `pallet.store.containers`, because listing containers needs no JSON library and must start fast.
"""

from __future__ import annotations

import msgspec

from pallet.digest import Digest
from pallet.oci.config import ContainerConfig
from pallet.store.host_config import HostConfig, Mount, PortBinding

__all__ = ["ContainerRecord", "ContainerState", "HostConfig", "Mount", "NetworkState", "PortBinding"]


class ContainerRecord(msgspec.Struct, frozen=True):
    """What a container is; fixed when it is created.

    Attributes:
        id: 64 hex digits.
        name: without docker's leading slash.
        image: the image's id.
        image_name: what the user called the image.
        chain_id: the chain ID of the image's top layer; empty for an image without layers.
        created: nanoseconds since the epoch.
        path: the program that runs.
        args: its arguments.
        config: the image's config with the user's changes.
        host: how it meets the host.
    """

    id: str
    name: str
    image: Digest
    image_name: str
    chain_id: str
    created: int
    path: str
    args: tuple[str, ...]
    config: ContainerConfig
    host: HostConfig


class NetworkState(msgspec.Struct, frozen=True, omit_defaults=True):
    """The container's place in a network, while it runs.

    Attributes:
        ip: its address, without the prefix length.
        prefix: the length of the subnet's prefix.
        gateway: the bridge's address.
        mac: its hardware address.
        ports: what is published, with the host ports as they were chosen.
        link: the network link's name in the container.
        ip6, prefix6, gateway6: the same in IPv6, where the network has it.
    """

    ip: str = ""
    prefix: int = 0
    gateway: str = ""
    mac: str = ""
    ports: tuple[PortBinding, ...] = ()
    link: str = ""
    ip6: str = ""
    prefix6: int = 0
    gateway6: str = ""


class EndpointSettings(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the user wants a container to be in one network.

    Attributes:
        aliases: more names for it there.
        ip: the address it has to get; empty for any free one.
        mac: the hardware address it has to get; empty for docker's own.
        connected: whether it was joined by `network connect`, which docker's inspect shows.
        ip6: the IPv6 address it has to get.
        link_local_ips: more addresses for its link, of 169.254.0.0/16 or fe80::/64.
        links: `name:alias` of containers that it calls by another name there.
        driver_options: recorded only.
    """

    aliases: tuple[str, ...] = ()
    ip: str = ""
    mac: str = ""
    connected: bool = False
    ip6: str = ""
    link_local_ips: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    driver_options: dict[str, str] = {}


class ContainerState(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the last run went. Times in nanoseconds since the epoch, 0 for never.

    A process is a pid with its start time (clock ticks since boot, /proc/PID/stat), since the kernel reuses pids.

    Attributes:
        started: when it was last started.
        finished: when its end was recorded; below `started` while nobody has recorded it.
        exit_code: of the last run that ended.
        error: why it could not be started, or empty.
        oom_killed: whether the last run that ended lost a process because memory ran out.
        pid: the container's first process in the last run.
        pid_start: its start time.
        conmon: the monitor of the last run.
        conmon_start: its start time.
        network: its place on the bridge in the last run.
        runtime: the path of the OCI runtime of the last run.
        stopped: whether the user had it stopped, so that it is not to be started again by itself.
        restarts: how often it was started again by itself since the user started it.
        restart_at: when it will be started again by itself; 0 if it will not.
        supervised: whether the last run has a supervisor, for restarts, health checks or its log.
        checked: whether the last run has health checks.
    """

    started: int = 0
    finished: int = 0
    exit_code: int = 0
    error: str = ""
    oom_killed: bool = False
    pid: int = 0
    pid_start: int = 0
    conmon: int = 0
    conmon_start: int = 0
    network: NetworkState = NetworkState()
    runtime: str = ""
    stopped: bool = False
    restarts: int = 0
    restart_at: int = 0
    supervised: bool = False
    checked: bool = False
