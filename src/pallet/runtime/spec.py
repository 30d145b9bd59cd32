"""The OCI runtime's configuration of a container.

Source: OCI runtime spec 1.0.2, config.md and config-linux.md; what is in it follows docker 20.10.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pallet.errors import InvalidInput
from pallet.oci.codec import encode
from pallet.runtime import defaults
from pallet.runtime.paths import ContainerPaths
from pallet.runtime.seccomp import profile
from pallet.runtime.users import User
from pallet.store.container_record import ContainerRecord, Mount

_UMASK = 0o022  # docker's daemon has it, whatever the umask of the user's shell


class Surroundings(msgspec.Struct, frozen=True):
    """What a configuration needs beyond the record.

    Attributes:
        paths: the container's paths.
        user: the process's user.
        network: `host`, `new` for an empty namespace, or the path of a namespace as conmon sees it.
        private_cgroups: whether the container sees its own part of the cgroups only, docker's default with cgroup v2.
        seccomp: whether system calls are filtered.
    """

    paths: ContainerPaths
    user: User
    network: str = "new"
    private_cgroups: bool = False
    seccomp: bool = True


def build_spec(record: ContainerRecord, around: Surroundings) -> dict[str, Any]:
    """The configuration as a JSON object.

    Raises:
        InvalidInput: an unknown capability.
    """
    config, host = record.config, record.host
    linux: dict[str, Any] = {
        "cgroupsPath": f"/pallet/{record.id}",
        "namespaces": _namespaces(around),
        "resources": {"devices": defaults.device_rules()},
        "maskedPaths": list(defaults.MASKED_PATHS),
        "readonlyPaths": list(defaults.READONLY_PATHS),
    }
    capabilities = capability_set(host.cap_add, host.cap_drop)
    if around.seccomp:
        linux["seccomp"] = profile(capabilities)
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": config.tty,
            "user": {
                "uid": around.user.uid,
                "gid": around.user.gid,
                "umask": _UMASK,
                "additionalGids": list(around.user.groups),
            },
            "args": [record.path, *record.args],
            "env": environment(record, around.user.home),
            "cwd": config.working_dir or "/",
            "capabilities": _capabilities(capabilities, around.user.uid),
            "noNewPrivileges": False,
        },
        "root": {"path": around.paths.merged, "readonly": host.read_only},
        "hostname": config.hostname,
        "mounts": _mounts(record, around.paths),
        "linux": linux,
    }


def encode_spec(spec: dict[str, Any]) -> bytes:
    """The bytes of config.json."""
    return encode(spec)


def environment(record: ContainerRecord, home: str) -> list[str]:
    """The process's environment: docker's defaults, then the image's and the user's, then HOME if nobody set it."""
    out = {"PATH": defaults.PATH, "HOSTNAME": f"HOSTNAME={record.config.hostname}"}
    if record.config.tty:
        out["TERM"] = "TERM=xterm"
    for word in record.config.env or ():
        name, equals, _ = word.partition("=")
        if equals:
            out[name] = word
        else:
            out.pop(name, None)  # `-e NAME` for a variable that is not set takes it away
    out.setdefault("HOME", f"HOME={home}")
    return list(out.values())


def capability_set(add: tuple[str, ...], drop: tuple[str, ...]) -> tuple[str, ...]:
    """docker's default capabilities with the user's changes, without `CAP_`.

    Raises:
        InvalidInput: an unknown one.
    """
    added, dropped = _known(add), _known(drop)
    base = defaults.ALL_CAPABILITIES if "ALL" in added else defaults.CAPABILITIES
    kept = [] if "ALL" in dropped else [name for name in base if name not in dropped]
    kept += [name for name in added if name != "ALL" and name not in kept]
    return tuple(kept)


def _known(names: tuple[str, ...]) -> list[str]:
    out = []
    for name in names:
        plain = name.upper().removeprefix("CAP_")
        if plain != "ALL" and plain not in defaults.ALL_CAPABILITIES:
            raise InvalidInput(f'invalid CapAdd: unknown capability: "CAP_{plain}"')
        out.append(plain)
    return out


def _capabilities(names: tuple[str, ...], uid: int) -> dict[str, list[str]]:
    full = [f"CAP_{name}" for name in names]
    # What execve(2) would leave to a user other than root: nothing but the bounding set.
    usable = full if uid == 0 else []
    return {"bounding": full, "effective": usable, "permitted": usable, "inheritable": [], "ambient": []}


def _namespaces(around: Surroundings) -> list[dict[str, str]]:
    out = [{"type": kind} for kind in ("mount", "uts", "ipc", "pid")]
    if around.private_cgroups:
        out.append({"type": "cgroup"})
    if around.network != "host":
        out.append({"type": "network"} if around.network == "new" else {"type": "network", "path": around.network})
    return out


def _mounts(record: ContainerRecord, paths: ContainerPaths) -> list[dict[str, Any]]:
    own = record.host.mounts
    taken = {mount.destination for mount in own}
    out = [mount for mount in defaults.mounts() if mount["destination"] not in taken]
    for destination, source in (
        ("/etc/resolv.conf", paths.resolv_conf),
        ("/etc/hostname", paths.hostname),
        ("/etc/hosts", paths.hosts),
    ):
        if destination not in taken:
            out.append(_bind(Mount("bind", source, destination, propagation="rprivate")))
    # A mount on /a must come before one on /a/b.
    out += [_bind(mount) for mount in sorted(own, key=lambda mount: mount.destination.count("/"))]
    return out


def _bind(mount: Mount) -> dict[str, Any]:
    options = ["rbind", mount.propagation or "rprivate", "ro" if mount.read_only else "rw"]
    return {"destination": mount.destination, "type": "bind", "source": mount.source, "options": options}
