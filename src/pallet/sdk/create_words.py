"""docker-py's words for a new container, as the options of the operation.

The names and shapes are those of docker-py 7 (`containers.run`, `containers.create`).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict, cast

from pallet.errors import InvalidInput, Unsupported
from pallet.ops.create_options import CreateOptions

Words = str | Sequence[str]
"""A command: one text, split as a shell would, or its words."""

HostPort = int | str | None
"""A port of the host; None for any free one."""

PortTarget = HostPort | tuple[str] | tuple[str, HostPort] | Sequence[HostPort | tuple[str] | tuple[str, HostPort]]
"""Where a container's port is published: a port, `(address, port)`, or a list of these."""

Binds = Mapping[str, str | Mapping[str, str]] | Sequence[str]
"""`{"/on/host": {"bind": "/in/container", "mode": "ro"}}`, or `["/on/host:/in/container:ro"]`."""


class CreateWords(TypedDict, total=False):
    """What a container may be told when it is made.

    Attributes:
        auto_remove: remove it when it has ended.
        cap_add: capabilities to add.
        cap_drop: capabilities to take away.
        domainname: its domain name.
        entrypoint: replaces the image's; one text or words.
        environment: `{"NAME": "value"}` (None takes the variable away), or `["NAME=value"]`.
        extra_hosts: `{"name": "address"}` for its /etc/hosts.
        hostname: its host name.
        labels: `{"label": "value"}`, or `["label"]`.
        links: `{"container": "alias"}`.
        name: its name; one is made up if not given.
        network: the network: `bridge`, `host` or `none`.
        network_mode: another word for `network`.
        ports: `{"80/tcp": 8080, "53/udp": ("127.0.0.1", 53), 443: None}`.
        publish_all_ports: publish all exposed ports on free ports.
        read_only: its root file system may not be written.
        stdin_open: keep its standard input open.
        stop_signal: what `stop` sends first.
        tty: give it a terminal.
        user: who runs it: a name or number, `user:group`.
        volumes: directories of the host, and volumes, to mount.
        working_dir: where its command starts.
    """

    auto_remove: bool
    cap_add: Sequence[str] | None
    cap_drop: Sequence[str] | None
    domainname: str | None
    entrypoint: Words | None
    environment: Mapping[str, object] | Sequence[str] | None
    extra_hosts: Mapping[str, str] | Sequence[str] | None
    hostname: str | None
    labels: Mapping[str, str] | Sequence[str] | None
    links: Mapping[str, str | None] | Sequence[tuple[str, str | None]] | None
    name: str | None
    network: str | None
    network_mode: str | None
    ports: Mapping[int | str, PortTarget] | None
    publish_all_ports: bool
    read_only: bool
    stdin_open: bool
    stop_signal: str | None
    tty: bool
    user: str | int | None
    volumes: Binds | None
    working_dir: str | None


_UNSUPPORTED = """
blkio_weight blkio_weight_device cgroup_parent cgroupns cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period
cpu_rt_runtime cpu_shares cpuset_cpus cpuset_mems device_cgroup_rules device_read_bps device_read_iops
device_requests device_write_bps device_write_iops devices dns dns_opt dns_search group_add healthcheck init
init_path ipc_mode isolation kernel_memory log_config lxc_conf mac_address mem_limit mem_reservation mem_swappiness
memswap_limit mounts nano_cpus network_disabled networking_config oom_kill_disable oom_score_adj pid_mode pids_limit
privileged restart_policy runtime security_opt shm_size storage_opt sysctls tmpfs ulimits use_config_proxy
userns_mode uts_mode volume_driver volumes_from
"""


def create_options(
    image: str, command: Words | None, words: CreateWords, attach: frozenset[str] = frozenset()
) -> CreateOptions:
    """The operation's options.

    Args:
        image: a name or id.
        command: replaces the image's command.
        words: the rest.
        attach: the streams that the maker reads.

    Raises:
        TypeError: a word that docker-py does not know either.
        Unsupported: one that it knows, and pallet cannot do.
        InvalidInput: a value that makes no sense.
    """
    _check(words)
    network, mode = words.get("network"), words.get("network_mode")
    if network and mode:
        raise InvalidInput("network and network_mode mean the same: give one of them")
    user = words.get("user")
    entrypoint = words.get("entrypoint")
    return CreateOptions(
        image=image,
        command=_split(command),
        entrypoint=None if entrypoint is None else _split(entrypoint),
        name=words.get("name") or "",
        env=_environment(words.get("environment")),
        labels=_labels(words.get("labels")),
        hostname=words.get("hostname") or "",
        domainname=words.get("domainname") or "",
        user="" if user is None else str(user),
        working_dir=words.get("working_dir") or "",
        attach=attach,
        tty=words.get("tty", False),
        open_stdin=words.get("stdin_open", False),
        publish=tuple(publish_words(words.get("ports") or {})),
        publish_all=words.get("publish_all_ports", False),
        volumes=tuple(_volumes(words.get("volumes") or ())),
        links=tuple(_joined(words.get("links") or ())),
        extra_hosts=tuple(_joined(words.get("extra_hosts") or ())),
        network=network or mode or "default",
        cap_add=tuple(words.get("cap_add") or ()),
        cap_drop=tuple(words.get("cap_drop") or ()),
        read_only=words.get("read_only", False),
        auto_remove=words.get("auto_remove", False),
        stop_signal=words.get("stop_signal") or "",
    )


def publish_words(ports: Mapping[int | str, PortTarget]) -> list[str]:
    """docker's `-p` words for docker-py's `ports`.

    Raises:
        InvalidInput: a target that is none.
    """
    found: list[str] = []
    for port, target in ports.items():
        targets = target if isinstance(target, list) else [target]
        found += [_publish(port, cast("HostPort | tuple[str, HostPort]", each)) for each in targets]
    return found


def _publish(port: int | str, target: HostPort | tuple[str, HostPort]) -> str:
    if isinstance(target, bool) or not isinstance(target, int | str | tuple | None):
        raise InvalidInput(f"port {port}: {target!r} is not a port, an (address, port), or a list of them")
    if not isinstance(target, tuple):
        return str(port) if target is None else f"{target}:{port}"
    address, *rest = target
    if len(rest) > 1:
        raise InvalidInput(f"port {port}: {target!r} is not an (address, port)")
    host = "" if not rest or rest[0] is None else rest[0]
    return f"[{address}]:{host}:{port}" if ":" in address and address[:1] != "[" else f"{address}:{host}:{port}"


def _check(words: CreateWords) -> None:
    for name, value in words.items():
        if name in CreateWords.__annotations__:
            continue
        if name not in _UNSUPPORTED.split():
            raise TypeError(f"unexpected keyword argument {name!r}")
        # What is off anyway is not asked for.
        if value not in (None, False) and value != [] and value != {}:
            raise Unsupported(f"{name} is not supported")


def _split(command: Words | None) -> tuple[str, ...]:
    if command is None:
        return ()
    return tuple(shlex.split(command)) if isinstance(command, str) else tuple(command)


def _environment(environment: Mapping[str, object] | Sequence[str] | None) -> tuple[str, ...]:
    if not isinstance(environment, Mapping):
        return tuple(environment or ())
    return tuple(name if value is None else f"{name}={value}" for name, value in environment.items())


def _labels(labels: Mapping[str, str] | Sequence[str] | None) -> dict[str, str]:
    return dict(labels) if isinstance(labels, Mapping) else dict.fromkeys(labels or (), "")


def _volumes(volumes: Binds) -> Iterable[str]:
    if not isinstance(volumes, Mapping):
        yield from volumes
        return
    for source, target in volumes.items():
        if isinstance(target, str):
            yield f"{source}:{target}"
            continue
        unknown = set(target) - {"bind", "mode", "propagation"}
        if "bind" not in target or unknown:
            raise InvalidInput(f"volume {source}: wanted are bind, mode and propagation, not {', '.join(target)}")
        options = [word for word in (target.get("mode"), target.get("propagation")) if word]
        yield ":".join([source, target["bind"], *([",".join(options)] if options else [])])


def _joined(pairs: Any) -> Iterable[str]:
    """`key:value` of a mapping or of pairs; texts as they are."""
    for pair in pairs.items() if isinstance(pairs, Mapping) else pairs:
        yield pair if isinstance(pair, str) else ":".join(part for part in pair if part)
