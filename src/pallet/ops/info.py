"""`docker info`: what this pallet and this machine are."""

from __future__ import annotations

import os
import shutil

import msgspec

from pallet.engine import Engine
from pallet.errors import PalletError
from pallet.ops.container_running import is_running
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
    containers = engine.store.containers.all()
    running = sum(is_running(engine, record) for record in containers)
    system = os.uname()
    runtime, warnings = _runtime(engine)
    return Info(
        containers=len(containers),
        containers_running=running,
        containers_paused=0,
        containers_stopped=len(containers) - running,
        images=len(engine.store.images.rows()),
        driver="overlay2",
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
        f"WARNING: {program} is not installed: containers cannot {what}"
        for program, what in (("conmon", "run"),)
        if shutil.which(program) is None
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
