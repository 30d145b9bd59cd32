"""`docker info`: what this pallet and this machine are."""

from __future__ import annotations

import os

import msgspec

from pallet.engine import Engine
from pallet.errors import PalletError
from pallet.host.idmap import is_rootless
from pallet.host.spawn import find_program
from pallet.ops.container_state import current
from pallet.platform import host
from pallet.version import __version__


class Info(msgspec.Struct, frozen=True, rename="pascal"):
    """docker's Info, as far as it means something without a daemon."""

    containers: int
    containers_running: int
    containers_paused: int
    containers_stopped: int
    images: int
    driver: str
    logging_driver: str
    plugins: dict[str, tuple[str, ...]]
    runtimes: tuple[str, ...]
    security_options: tuple[str, ...]
    server_version: str
    default_runtime: str
    cgroup_version: str
    kernel_version: str
    operating_system: str
    os_type: str = msgspec.field(name="OSType")
    architecture: str
    ncpu: int = msgspec.field(name="NCPU")
    mem_total: int
    docker_root_dir: str
    registry_config: str
    name: str
    warnings: tuple[str, ...]


def system_info(engine: Engine) -> Info:
    """Collect the facts."""
    states = [current(engine, record.id)[1] for record in engine.store.containers.all()]
    running = sum(state.running for state in states)
    paused = sum(state.name == "paused" for state in states)
    system = os.uname()
    runtime, warnings = _runtime(engine)
    return Info(
        containers=len(states),
        containers_running=running - paused,
        containers_paused=paused,
        containers_stopped=len(states) - running,
        images=len(engine.store.images.rows()),
        driver="overlay2",
        logging_driver="json-file",
        plugins={
            "volume": ("local",),
            "network": ("bridge", "host", "null"),
            "log": ("json-file", "local", "journald", "none"),
        },
        runtimes=tuple(name for name in ("crun", "runc") if find_program(name)),
        security_options=("name=seccomp,profile=default", *(("name=rootless",) if is_rootless() else ())),
        server_version=__version__,
        default_runtime=runtime,
        cgroup_version="2" if os.path.exists("/sys/fs/cgroup/cgroup.controllers") else "1",
        kernel_version=system.release,
        operating_system=_operating_system(),
        os_type="linux",
        architecture=system.machine,
        ncpu=os.cpu_count() or 1,
        mem_total=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        docker_root_dir=engine.settings.root,
        registry_config=engine.settings.registries_file or "",
        name=system.nodename,
        warnings=warnings,
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


def _operating_system() -> str:
    try:
        with open("/etc/os-release", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                name, _, value = line.partition("=")
                if name == "PRETTY_NAME":
                    return value.strip().strip('"')
    except OSError:
        pass
    return host().os
