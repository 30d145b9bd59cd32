"""What the store keeps about a container, as typed values.

Apart from `pallet.store.containers`, because listing containers needs no JSON library and must start fast.
"""

from __future__ import annotations

import msgspec

from pallet.digest import Digest
from pallet.oci.config import ContainerConfig


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
        type: `bind` or `volume`.
        source: the directory or file on the host.
        destination: the absolute path in the container.
        name: the volume's name; empty for a bind.
        mode: the options as the user wrote them.
        read_only: whether the container may not write.
        propagation: for a bind; `rprivate` unless the user says otherwise.
        anonymous: a volume without a name of the user's, which goes away with its container.
    """

    type: str
    source: str
    destination: str
    name: str = ""
    mode: str = ""
    read_only: bool = False
    propagation: str = ""
    anonymous: bool = False


class HostConfig(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the container meets its host; grows with docker's HostConfig.

    Attributes:
        network_mode: `default` (the bridge), `bridge`, `host` or `none`.
        ports: what is published.
        publish_all: whether all exposed ports are published on free ports.
        binds: the `-v` words that name a source.
        mounts: what these words and the image's volumes come to.
        links: `name:alias` of other containers.
        extra_hosts: `name:address` lines for /etc/hosts.
        cap_add: capabilities beyond docker's default set, without `CAP_`; `ALL` for all.
        cap_drop: capabilities to take away.
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
    links: tuple[str, ...] = ()
    extra_hosts: tuple[str, ...] = ()
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    read_only: bool = False
    auto_remove: bool = False
    cidfile: str = ""
    runtime: str = ""


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
    """

    ip: str = ""
    prefix: int = 0
    gateway: str = ""
    mac: str = ""
    ports: tuple[PortBinding, ...] = ()
    link: str = ""


class EndpointSettings(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the user wants a container to be in one network.

    Attributes:
        aliases: more names for it there.
        ip: the address it has to get; empty for any free one.
        connected: whether it was joined by `network connect`, which docker's inspect shows.
    """

    aliases: tuple[str, ...] = ()
    ip: str = ""
    connected: bool = False


class ContainerState(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the last run went. Times in nanoseconds since the epoch, 0 for never.

    A process is a pid with its start time (clock ticks since boot, /proc/PID/stat), since the kernel reuses pids.

    Attributes:
        started: when it was last started.
        finished: when its end was recorded; below `started` while nobody has recorded it.
        exit_code: of the last run that ended.
        error: why it could not be started, or empty.
        pid: the container's first process in the last run.
        pid_start: its start time.
        conmon: the monitor of the last run.
        conmon_start: its start time.
        network: its place on the bridge in the last run.
        runtime: the path of the OCI runtime of the last run.
    """

    started: int = 0
    finished: int = 0
    exit_code: int = 0
    error: str = ""
    pid: int = 0
    pid_start: int = 0
    conmon: int = 0
    conmon_start: int = 0
    network: NetworkState = NetworkState()
    runtime: str = ""
