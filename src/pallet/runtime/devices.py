"""Devices of the host in a container: nodes to make, and rules for who may use them.

Source: OCI runtime spec 1.0.2, config-linux.md ("Devices", "Allowed Device list"); docker's documentation of --device.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from typing import Any

from pallet.errors import HostError
from pallet.runtime import defaults
from pallet.store.host_config import Device

# What the runtime makes itself, and what is no device of the machine's.
_SKIPPED = frozenset({"pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev"})
_OWN = frozenset({f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty", "console", "ptmx")})


def nodes(devices: Sequence[Device], *, all: bool) -> list[dict[str, Any]]:
    """The device nodes of a container, beyond those that every container has.

    Args:
        devices: what the user asks for.
        all: whether it gets all devices of the host.

    Raises:
        HostError: a device that is missing or none, with docker's text.
    """
    found = {node["path"]: node for node in (_below("/dev", "/dev") if all else ())}
    for device in devices:
        for node in _nodes(device):
            found[node["path"]] = node
    return [node for path, node in found.items() if path not in _OWN]


def rules(devices: Sequence[Device], words: Sequence[str], *, all: bool) -> list[dict[str, Any]]:
    """Which devices the container may use.

    Args:
        devices: what the user asks for.
        words: more rules: `c 7:* rmw`.
        all: whether it may use every device.

    Raises:
        HostError: a device that is missing or none, with docker's text.
    """
    if all:
        return [{"allow": True, "access": "rwm"}]
    found = defaults.device_rules()
    for device in devices:
        for node in _nodes(device):
            numbers = {"major": node["major"], "minor": node["minor"]}
            found.append({"allow": True, "type": node["type"], **numbers, "access": device.permissions})
    for word in words:
        kind, number, access = word.split(" ")
        major, _, minor = number.partition(":")
        rule: dict[str, Any] = {"allow": True, "type": kind, "access": access}
        for key, text in (("major", major), ("minor", minor)):
            if text != "*":
                rule[key] = int(text)
        found.append(rule)
    return found


def _nodes(device: Device) -> list[dict[str, Any]]:
    """A device, or all below a directory."""
    where = f'error gathering device information while adding custom device "{device.host}": '
    try:
        path = os.path.realpath(device.host, strict=True)
        if os.path.isdir(path):
            found = list(_below(path, device.container))
        else:
            node = _node(path, device.container)
            found = [node] if node is not None else []
    except OSError as error:
        raise HostError(f"{where}{(error.strerror or '').lower()}") from error
    if not found:
        raise HostError(f"{where}not a device node")
    return found


def _below(directory: str, inside: str) -> Iterator[dict[str, Any]]:
    with os.scandir(directory) as entries:
        names = sorted(entry.name for entry in entries if not entry.is_symlink())
    for name in names:
        path = f"{directory}/{name}"
        if os.path.isdir(path):
            if name not in _SKIPPED:
                yield from _below(path, f"{inside}/{name}")
            continue
        node = _node(path, f"{inside}/{name}")
        if node is not None:
            yield node


def _node(path: str, inside: str) -> dict[str, Any] | None:
    status = os.stat(path)
    kind = "c" if stat.S_ISCHR(status.st_mode) else "b" if stat.S_ISBLK(status.st_mode) else ""
    if not kind:
        return None
    return {
        "path": inside,
        "type": kind,
        "major": os.major(status.st_rdev),
        "minor": os.minor(status.st_rdev),
        "fileMode": stat.S_IMODE(status.st_mode),
        "uid": status.st_uid,
        "gid": status.st_gid,
    }
