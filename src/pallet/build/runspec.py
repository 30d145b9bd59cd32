"""The OCI runtime's configuration of a RUN. Source: OCI runtime spec 1.0.2; what is in it follows BuildKit."""

from __future__ import annotations

from typing import Any

import msgspec

from pallet.errors import InvalidInput
from pallet.oci.codec import encode
from pallet.runtime import defaults
from pallet.runtime.seccomp import profile
from pallet.runtime.users import User

HOSTNAME = "buildkitsandbox"
_UMASK = 0o022
_NAMESPACES = ("mount", "uts", "ipc", "pid")
_LIMITS = (
    *("as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss"),
    *("rtprio", "rttime", "sigpending", "stack"),
)


class Limits(msgspec.Struct, frozen=True):
    """What a RUN may use; see `BuildOptions`."""

    ulimits: tuple[str, ...] = ()
    shm_size: int = 0
    memory: int = 0
    memory_swap: int = 0
    cpu_shares: int = 0
    cpu_period: int = 0
    cpu_quota: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    cgroup_parent: str = ""


class Bind(msgspec.Struct, frozen=True):
    """A directory or file that appears at a path."""

    source: str
    target: str
    readonly: bool = True


class Tmpfs(msgspec.Struct, frozen=True):
    """A file system in memory; `size` in bytes, 0 for no limit."""

    target: str
    size: int = 0


class RunSpec(msgspec.Struct, frozen=True):
    """What to run.

    Attributes:
        id: of the container.
        args: the command.
        env: `NAME=value`.
        cwd: the working directory.
        user: who runs it.
        network: `host`, `new` for an empty namespace, or the path of one.
        root: where its root file system is mounted.
        mounts: besides the usual ones.
        insecure: all capabilities, no filter for system calls.
    """

    id: str
    args: tuple[str, ...]
    env: tuple[str, ...]
    cwd: str
    user: User
    network: str
    root: str
    mounts: tuple[Bind | Tmpfs, ...]
    limits: Limits = Limits()
    insecure: bool = False


def config_json(spec: RunSpec) -> bytes:
    """The bytes of config.json."""
    names = defaults.ALL_CAPABILITIES if spec.insecure else defaults.CAPABILITIES
    full = [f"CAP_{name}" for name in names]
    usable = full if spec.user.uid == 0 else []
    linux: dict[str, Any] = {
        "cgroupsPath": f"{spec.limits.cgroup_parent or '/pallet'}/{spec.id}",
        "namespaces": _namespaces(spec.network),
        "resources": {"devices": defaults.device_rules(), **_resources(spec.limits)},
    }
    if not spec.insecure:
        linux["maskedPaths"] = list(defaults.MASKED_PATHS)
        linux["readonlyPaths"] = list(defaults.READONLY_PATHS)
        linux["seccomp"] = profile(names)
    return encode(
        {
            "ociVersion": "1.0.2",
            "process": {
                "terminal": False,
                "user": {
                    "uid": spec.user.uid,
                    "gid": spec.user.gid,
                    "umask": _UMASK,
                    "additionalGids": list(spec.user.groups),
                },
                "args": list(spec.args),
                "env": list(spec.env),
                "cwd": spec.cwd,
                "capabilities": {
                    "bounding": full,
                    "effective": usable,
                    "permitted": usable,
                    "inheritable": [],
                    "ambient": [],
                },
                "rlimits": [rlimit(word) for word in spec.limits.ulimits],
                "noNewPrivileges": False,
            },
            "root": {"path": spec.root, "readonly": False},
            "hostname": HOSTNAME,
            "mounts": _mounts(spec),
            "linux": linux,
        }
    )


def rlimit(word: str) -> dict[str, Any]:
    """A `--ulimit name=soft[:hard]` in the runtime's words.

    Raises:
        InvalidInput: not one, with docker's text.
    """
    name, equals, values = word.partition("=")
    if not equals:
        raise InvalidInput(f"invalid ulimit argument: {word}")
    if name not in _LIMITS:
        raise InvalidInput(f"invalid ulimit type: {name}")
    soft, colon, hard = values.partition(":")
    try:
        numbers = (int(soft), int(hard if colon else soft))
    except ValueError as error:
        raise InvalidInput(f'strconv.ParseInt: parsing "{values}": invalid syntax') from error
    if numbers[1] != -1 and (numbers[0] == -1 or numbers[0] > numbers[1]):
        raise InvalidInput(f"ulimit soft limit must be less than or equal to hard limit: {numbers[0]} > {numbers[1]}")
    low, high = (number if number >= 0 else (1 << 64) - 1 for number in numbers)
    return {"type": f"RLIMIT_{name.upper()}", "soft": low, "hard": high}


def _namespaces(network: str) -> list[dict[str, str]]:
    found = [{"type": kind} for kind in _NAMESPACES]
    if network != "host":
        found.append({"type": "network"} if network == "new" else {"type": "network", "path": network})
    return found


def _resources(limits: Limits) -> dict[str, Any]:
    found: dict[str, Any] = {}
    memory = {"limit": limits.memory, "swap": limits.memory_swap}
    cpu = {
        "shares": limits.cpu_shares,
        "period": limits.cpu_period,
        "quota": limits.cpu_quota,
        "cpus": limits.cpuset_cpus,
        "mems": limits.cpuset_mems,
    }
    for name, values in (("memory", memory), ("cpu", cpu)):
        given = {key: value for key, value in values.items() if value}
        if given:
            found[name] = given
    return found


def _mounts(spec: RunSpec) -> list[dict[str, Any]]:
    taken = {mount.target for mount in spec.mounts}
    found = []
    for mount in defaults.mounts():
        if mount["destination"] in taken:
            continue
        if mount["destination"] == "/dev/shm" and spec.limits.shm_size:
            options = [option for option in mount["options"] if not option.startswith("size=")]
            mount = {**mount, "options": [*options, f"size={spec.limits.shm_size}"]}
        found.append(mount)
    # A mount on /a must come before one on /a/b; the later of two on the same path hides the earlier.
    for each in sorted(spec.mounts, key=lambda mount: mount.target.count("/")):
        if isinstance(each, Bind):
            options = ["rbind", "rprivate", "ro" if each.readonly else "rw"]
            found.append({"destination": each.target, "type": "bind", "source": each.source, "options": options})
        else:
            options = ["nosuid", "nodev", "mode=1777", *([f"size={each.size}"] if each.size else [])]
            found.append({"destination": each.target, "type": "tmpfs", "source": "tmpfs", "options": options})
    return found
