"""What a user may ask of a new container."""

from __future__ import annotations

from typing import Any

import msgspec

from pallet.oci.config import Healthcheck
from pallet.store.host_config import Resources, RestartPolicy


class CreateOptions(msgspec.Struct, frozen=True):
    """What the user asks for; the words are docker's flags.

    Attributes:
        image: a name, an id, or a prefix of one.
        platform: `os[/arch[/variant]]` that the image has to be for; empty for whatever the name stands for.
        command: replaces the image's command; empty to keep it.
        entrypoint: replaces the image's entry point and drops its command; None to keep them, empty for none.
        env: `NAME=value`; a bare `NAME` takes the variable away.
        attach: which of `stdin`, `stdout`, `stderr` the creator attaches to; recorded only.
        tty: a terminal for the process.
        open_stdin: standard input stays open.
        publish: docker's `-p` words.
        volumes: docker's `-v` words.
        mounts: each `--mount` as docker's API has it (Type, Source, Target, ...).
        tmpfs: path to options.
        network_aliases, network_options (of its driver), ip, ip6, link_local_ips: for a network of the user's.
        mac_address: the hardware address on the bridge; empty for docker's own.
        security_opt: `seccomp=` with `unconfined` or a profile's JSON, `no-new-privileges`, `apparmor=`, `label=`.
        masked: whether docker's paths of /proc and /sys are hidden or read-only.
        shm_size: bytes of /dev/shm; 0 for docker's default.
        healthcheck: what differs from the image's.
        storage_options: docker's `--storage-opt`, which no snapshotter here has a use for.
        gpus: docker's `--gpus`.
        stop_timeout: seconds from the stop signal to the kill; None for 10.

    The others are as in `HostConfig`.
    """

    image: str
    platform: str = ""
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None
    name: str = ""
    env: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    hostname: str = ""
    domainname: str = ""
    user: str = ""
    working_dir: str = ""
    attach: frozenset[str] = frozenset()
    tty: bool = False
    open_stdin: bool = False
    publish: tuple[str, ...] = ()
    publish_all: bool = False
    expose: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    mounts: tuple[dict[str, Any], ...] = ()
    tmpfs: dict[str, str] = {}
    volumes_from: tuple[str, ...] = ()
    volume_driver: str = ""
    links: tuple[str, ...] = ()
    extra_hosts: tuple[str, ...] = ()
    network: str = "default"
    network_aliases: tuple[str, ...] = ()
    network_options: dict[str, str] = {}
    ip: str = ""
    ip6: str = ""
    link_local_ips: tuple[str, ...] = ()
    mac_address: str = ""
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
    ipc_mode: str = ""
    pid_mode: str = ""
    uts_mode: str = ""
    userns_mode: str = ""
    cgroupns_mode: str = ""
    isolation: str = ""
    oom_score_adj: int = 0
    shm_size: int = 0
    resources: Resources = Resources()
    restart_policy: RestartPolicy = RestartPolicy()
    healthcheck: Healthcheck | None = None
    log_driver: str = ""
    log_options: dict[str, str] = {}
    storage_options: dict[str, str] = {}
    gpus: str = ""
    runtime: str = ""
    read_only: bool = False
    auto_remove: bool = False
    stop_signal: str = ""
    stop_timeout: int | None = None
    cidfile: str = ""
