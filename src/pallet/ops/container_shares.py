"""Binds whose mounts go to and fro between host and container: `shared` and `slave` propagation.

A container's mounts are made in a mount namespace that nothing leaves. What is to be shared is cloned before that
namespace is cut off, and keeps its peers on the host. Source: mount_namespaces(7); moby, daemon/volumes_linux.go (the
error texts).
"""

from __future__ import annotations

import os

from pallet.errors import HostError
from pallet.runtime.launch import Clone
from pallet.runtime.paths import ContainerPaths
from pallet.store.container_record import ContainerRecord, Mount

_SHARED = ("shared", "rshared")
_SLAVE = ("slave", "rslave")


def clone_path(paths: ContainerPaths, mount: Mount) -> str:
    """Where a shared bind's source is cloned to; empty if it need not be."""
    if mount.propagation not in _SHARED:
        return ""
    return f"{paths.run}/shares/{mount.destination.strip('/').replace('_', '__').replace('/', '_')}"


def shared_clones(record: ContainerRecord, paths: ContainerPaths) -> tuple[Clone, ...]:
    """The mounts to clone for a container's binds.

    Raises:
        HostError: a source lies on a mount that the host does not share, in docker's words.
    """
    found = []
    for mount in record.host.mounts:
        if mount.type != "bind" or mount.propagation not in (*_SHARED, *_SLAVE):
            continue
        point, peers = _mount_of(mount.source)
        shared = any(word.startswith("shared:") for word in peers)
        if mount.propagation in _SHARED:
            if not shared:
                raise HostError(f"path {mount.source} is mounted on {point} but it is not a shared mount")
            os.makedirs(mount.source, 0o755, exist_ok=True)
            found.append(Clone(0, mount.source, clone_path(paths, mount), recursive=not mount.not_recursive))
        elif not shared and not any(word.startswith("master:") for word in peers):
            raise HostError(f"path {mount.source} is mounted on {point} but it is not a shared or slave mount")
    return tuple(found)


def _mount_of(path: str) -> tuple[str, list[str]]:
    """The mount point that a path is below, and the mount's optional fields; proc_pid_mountinfo(5)."""
    best, peers = "/", []
    real = os.path.realpath(path)
    with open("/proc/self/mountinfo") as file:
        for line in file:
            words = line.split(" ")
            point = words[4].encode().decode("unicode_escape").encode("latin-1").decode(errors="replace")
            inside = point == "/" or real == point or real.startswith(point + "/")
            if inside and len(point) >= len(best):
                best, peers = point, words[6 : words.index("-", 6)]
    return best, peers
