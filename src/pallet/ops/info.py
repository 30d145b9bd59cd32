"""`docker info`: what this pallet and this machine are."""

from __future__ import annotations

import os

import msgspec

from pallet.engine import Engine
from pallet.errors import PalletError
from pallet.host.idmap import is_rootless
from pallet.host.spawn import find_program
from pallet.ops.container_state import current
from pallet.ops.times import now_ns, rfc3339_nano
from pallet.platform import host
from pallet.runtime.apparmor import loaded_profiles
from pallet.runtime.cgroups import supported
from pallet.version import __version__


class Plugins(msgspec.Struct, frozen=True, rename="pascal"):
    """What is built in, by kind."""

    volume: tuple[str, ...] = ("local",)
    network: tuple[str, ...] = ("bridge", "host", "null")
    authorization: tuple[str, ...] | None = None
    log: tuple[str, ...] = ("json-file", "local", "journald", "none")


class Swarm(msgspec.Struct, frozen=True, rename="pascal"):
    """There is none."""

    local_node_state: str = "inactive"


class Info(msgspec.Struct, frozen=True, rename="pascal"):
    """docker's Info (engine API 1.41, SystemInfo), as far as it means something without a daemon, in docker's order."""

    containers: int
    containers_running: int
    containers_paused: int
    containers_stopped: int
    images: int
    driver: str
    driver_status: tuple[tuple[str, str], ...]
    plugins: Plugins
    memory_limit: bool
    swap_limit: bool
    kernel_memory: bool
    cpu_cfs_period: bool
    cpu_cfs_quota: bool
    cpu_shares: bool = msgspec.field(name="CPUShares")
    cpu_set: bool = msgspec.field(name="CPUSet")
    pids_limit: bool
    ipv4_forwarding: bool = msgspec.field(name="IPv4Forwarding")
    bridge_nf_iptables: bool
    bridge_nf_ip6tables: bool
    debug: bool
    oom_kill_disable: bool
    system_time: str
    logging_driver: str
    cgroup_driver: str
    cgroup_version: str
    kernel_version: str
    operating_system: str
    os_version: str = msgspec.field(name="OSVersion")
    os_type: str = msgspec.field(name="OSType")
    architecture: str
    index_server_address: str
    ncpu: int = msgspec.field(name="NCPU")
    mem_total: int
    docker_root_dir: str
    registries_file: str
    http_proxy: str
    https_proxy: str
    no_proxy: str
    name: str
    labels: tuple[str, ...]
    experimental_build: bool
    server_version: str
    runtimes: dict[str, dict[str, str]]
    default_runtime: str
    swarm: Swarm
    live_restore_enabled: bool
    init_binary: str
    security_options: tuple[str, ...]
    warnings: tuple[str, ...]


def system_info(engine: Engine) -> Info:
    """Collect the facts."""
    states = [current(engine, record.id)[1] for record in engine.store.containers.all()]
    running = sum(state.running for state in states)
    paused = sum(state.name == "paused" for state in states)
    system = os.uname()
    release = _release()
    runtime, warnings = _runtime(engine)
    can = supported()
    proxies = engine.settings.proxies
    return Info(
        containers=len(states),
        containers_running=running - paused,
        containers_paused=paused,
        containers_stopped=len(states) - running,
        images=len(engine.store.images.rows()),
        driver="overlay2",
        driver_status=(("Snapshotter", engine.settings.snapshotter),),
        plugins=Plugins(),
        memory_limit="memory" in can,
        swap_limit="swap" in can,
        kernel_memory="kernel_memory" in can,
        cpu_cfs_period="cpu_quota" in can,
        cpu_cfs_quota="cpu_quota" in can,
        cpu_shares="cpu_shares" in can,
        cpu_set="cpuset" in can,
        pids_limit="pids" in can,
        ipv4_forwarding=_switch("net/ipv4/ip_forward"),
        bridge_nf_iptables=_switch("net/bridge/bridge-nf-call-iptables"),
        bridge_nf_ip6tables=_switch("net/bridge/bridge-nf-call-ip6tables"),
        debug=False,
        oom_kill_disable="oom" in can,
        system_time=rfc3339_nano(now_ns()),
        logging_driver="json-file",
        cgroup_driver="none" if is_rootless() else "cgroupfs",
        cgroup_version="2" if os.path.exists("/sys/fs/cgroup/cgroup.controllers") else "1",
        kernel_version=system.release,
        operating_system=release.get("PRETTY_NAME", host().os),
        os_version=release.get("VERSION_ID", ""),
        os_type="linux",
        architecture=system.machine,
        index_server_address="https://index.docker.io/v1/",
        ncpu=os.cpu_count() or 1,
        mem_total=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        docker_root_dir=engine.settings.root,
        registries_file=engine.settings.registries_file or "",
        http_proxy=proxies[0],
        https_proxy=proxies[1],
        no_proxy=proxies[2],
        name=system.nodename,
        labels=(),
        experimental_build=False,
        server_version=__version__,
        runtimes={name: {"path": path} for name in ("crun", "runc") if (path := find_program(name))},
        default_runtime=runtime,
        swarm=Swarm(),
        live_restore_enabled=False,
        init_binary=_init(),
        security_options=_security_options(),
        warnings=warnings,
    )


def _switch(name: str) -> bool:
    try:
        with open(f"/proc/sys/{name}") as file:
            return file.read(1) == "1"
    except OSError:
        return False


def _init() -> str:
    from pallet.ops.container_config import find_init

    try:
        return os.path.basename(find_init())
    except PalletError:
        return ""


def _security_options() -> tuple[str, ...]:
    return (
        *(("name=apparmor",) if loaded_profiles() is not None else ()),
        "name=seccomp,profile=default",
        *(("name=rootless",) if is_rootless() else ()),
    )


def _runtime(engine: Engine) -> tuple[str, tuple[str, ...]]:
    from pallet.runtime.oci_runtime import find_runtime

    missing = tuple(
        f"WARNING: {os.path.basename(program)} is not installed: containers cannot {what}"
        for program, what in (
            ("conmon", "run"),
            ("/usr/lib/podman/netavark", "have networks"),
            ("/usr/lib/podman/aardvark-dns", "find each other by name"),
            ("iptables", "publish ports"),
        )
        if find_program(program) is None and find_program(os.path.basename(program)) is None
    )
    try:
        return find_runtime(engine.settings.runtime, engine.settings.run_dir).name, missing
    except PalletError as error:
        return "", (*missing, f"WARNING: {error.message}")


def _release() -> dict[str, str]:
    """What the system calls itself: os-release(5)."""
    try:
        with open("/etc/os-release", encoding="utf-8", errors="replace") as lines:
            pairs = [line.strip().partition("=") for line in lines]
    except OSError:
        return {}
    return {name: value.strip('"') for name, _, value in pairs}
