"""The mounts of a container's configuration: the kernel's file systems, docker's files of /etc, the user's mounts.

Source: OCI runtime spec 1.0.2, config.md ("Mounts"); what is mounted follows docker 20.10.
"""

from __future__ import annotations

import os
from typing import Any

from pallet.host.idmap import in_user_namespace
from pallet.runtime import defaults
from pallet.runtime.paths import ContainerPaths
from pallet.store.container_record import ContainerRecord, Mount

_INIT = "/sbin/docker-init"
_WRITABLE_IF_PRIVILEGED = ("/sys", "/sys/fs/cgroup")


def spec_mounts(
    record: ContainerRecord,
    paths: ContainerPaths,
    etc: ContainerPaths | None,
    shm: str,
    init: str,
    sources: dict[str, str],
    tmpfs: dict[str, list[str]],
) -> list[dict[str, Any]]:
    """All mounts, in the order in which they are made.

    Args:
        record: the container.
        paths: its paths.
        etc: the paths of the container whose /etc/hosts and the like these are; None for its own.
        shm: what is mounted at /dev/shm; empty for a new tmpfs.
        init: the program that becomes /sbin/docker-init; empty for none.
        sources: where the runtime finds the source of a bind, if that is not the source itself.
        tmpfs: the options of each tmpfs, by path.
    """
    host = record.host
    taken = {mount.destination for mount in host.mounts} | set(tmpfs)
    out = [_kernels(mount, record) for mount in defaults.mounts() if mount["destination"] not in taken]
    out = [mount for mount in out if mount["type"] != "bind" or os.path.isdir(mount["source"])]
    if host.ipc_mode == "none" or shm:
        out = [mount for mount in out if mount["destination"] != "/dev/shm"]
    if shm and "/dev/shm" not in taken:
        out.append(_bind(Mount("bind", shm, "/dev/shm", propagation="rprivate"), sources))
    files, own = etc or paths, []
    for destination, source in (
        ("/etc/resolv.conf", files.resolv_conf),
        ("/etc/hostname", files.hostname),
        ("/etc/hosts", files.hosts),
    ):
        if destination not in taken:
            own.append((destination, _bind(Mount("bind", source, destination, propagation="rprivate"), sources)))
    if init:
        out.append(_bind(Mount("bind", init, _INIT, read_only=True, propagation="rprivate"), sources))
    if in_user_namespace():  # which may not make device nodes, but have the machine's again
        own += [
            (each.container, _bind(Mount("bind", os.path.realpath(each.host), each.container), sources))
            for each in host.resources.devices
        ]
    # A mount on /a must come before one on /a/b.
    own += [(mount.destination, _bind(mount, sources)) for mount in host.mounts if mount.type != "tmpfs"]
    own += [
        (path, {"destination": path, "type": "tmpfs", "source": "tmpfs", "options": options})
        for path, options in tmpfs.items()
    ]
    return out + [mount for _, mount in sorted(own, key=lambda pair: pair[0].count("/"))]


def _kernels(mount: dict[str, Any], record: ContainerRecord) -> dict[str, Any]:
    options = mount["options"]
    shared = {"/proc": record.host.pid_mode, "/dev/mqueue": record.host.ipc_mode}.get(mount["destination"])
    if shared == "host" and in_user_namespace():  # which may not mount what shows the machine's, but have it again
        kept = [word for word in options if word in ("nosuid", "noexec", "nodev")]
        return _bind(Mount("bind", mount["destination"], mount["destination"], options=tuple(kept)), {})
    if mount["destination"] == "/dev/shm" and record.host.shm_size:
        options = [f"size={record.host.shm_size}" if word.startswith("size=") else word for word in options]
    if record.host.privileged and mount["destination"] in _WRITABLE_IF_PRIVILEGED:
        options = ["rw" if word == "ro" else word for word in options]
    return {**mount, "options": options}


def _bind(mount: Mount, sources: dict[str, str]) -> dict[str, Any]:
    bind = "bind" if mount.not_recursive else "rbind"
    options = [bind, mount.propagation or "rprivate", *(["ro"] if mount.read_only else []), *mount.options]
    source = sources.get(mount.source, mount.source)
    return {"destination": mount.destination, "type": "bind", "source": source, "options": options}
