"""The OCI runtime's configuration of a container.

Source: OCI runtime spec 1.0.2, config.md and config-linux.md; what is in it follows docker 20.10.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pallet.errors import InvalidInput
from pallet.host.idmap import in_user_namespace
from pallet.oci.codec import encode
from pallet.runtime import apparmor, defaults
from pallet.runtime.cgroups import group_of
from pallet.runtime.paths import ContainerPaths
from pallet.runtime.seccomp import profile
from pallet.runtime.spec_mounts import spec_mounts
from pallet.runtime.users import User
from pallet.store.container_record import ContainerRecord, HostConfig
from pallet.store.host_config import Resources

_UMASK = 0o022  # docker's daemon has it, whatever the umask of the user's shell
_INIT = "/sbin/docker-init"
# What docker allows in each network of a container's own: low ports and ping without a capability. The groups have to
# exist, as they do not all in a user namespace.
_NETWORK_SYSCTLS = {"net.ipv4.ip_unprivileged_port_start": "0"}
_PING = {"net.ipv4.ping_group_range": "0 2147483647"}


class Surroundings(msgspec.Struct, frozen=True):
    """What a configuration needs beyond the record.

    Attributes:
        paths: the container's paths.
        user: the process's user, with all its groups.
        network: `host`, `new` for an empty namespace, or the path of a namespace as conmon sees it.
        ipc: `host`, `new`, or the path of another container's namespace.
        pid: the same for processes.
        shm: the directory that is mounted at /dev/shm; empty for a new tmpfs.
        etc: the paths of the container whose /etc/hosts and the like these are, if it shares its network.
        private_cgroups: whether the container sees its own part of the cgroups only, docker's default with cgroup v2.
        seccomp: whether system calls are filtered.
        init: the program on the host that becomes the first process; empty for none.
        sources: where the runtime finds a bind's source, if that is not the source itself.
        tmpfs: the options of each tmpfs of the user's, by path.
        variables: of the environment, that tell of linked containers.
        apparmor: AppArmor's profiles that this machine has; None where the kernel has no AppArmor.
    """

    paths: ContainerPaths
    user: User
    network: str = "new"
    ipc: str = "new"
    pid: str = "new"
    shm: str = ""
    etc: ContainerPaths | None = None
    private_cgroups: bool = False
    seccomp: bool = True
    init: str = ""
    sources: dict[str, str] = {}
    tmpfs: dict[str, list[str]] = {}
    variables: tuple[str, ...] = ()
    apparmor: frozenset[str] | None = None


def build_spec(record: ContainerRecord, around: Surroundings) -> dict[str, Any]:
    """The configuration as a JSON object.

    Raises:
        InvalidInput: an unknown capability.
        HostError: a device that is missing, a bad seccomp profile.
    """
    config, host = record.config, record.host
    linux: dict[str, Any] = {
        "cgroupsPath": group_of(host.resources, record.id),
        "namespaces": _namespaces(host, around),
        "resources": {"devices": defaults.device_rules()},
    }
    if host.masked:
        linux["maskedPaths"] = list(defaults.MASKED_PATHS)
        linux["readonlyPaths"] = list(defaults.READONLY_PATHS)
    spread = {mount.propagation.removeprefix("r") for mount in host.mounts if mount.type == "bind"}
    if "shared" in spread:
        # Else the runtime would cut off all that it finds.
        linux["rootfsPropagation"] = "shared"
    elif "slave" in spread:
        linux["rootfsPropagation"] = "rslave"
    if host.privileged or host.resources != Resources():
        _limit(linux, host)
    sysctls = dict(host.sysctls)
    if around.network not in ("host",) and around.etc is None:
        sysctls = {**_NETWORK_SYSCTLS, **({} if in_user_namespace() else _PING), **sysctls}
    if sysctls:
        linux["sysctl"] = sysctls
    capabilities = granted(host)
    filtered = _seccomp(host, capabilities) if around.seccomp else None
    if filtered is not None:
        linux["seccomp"] = filtered
    spec = {
        "ociVersion": "1.0.2",
        "process": _process(record, around, capabilities),
        "root": {"path": around.paths.merged, "readonly": host.read_only},
        "mounts": spec_mounts(record, around.paths, around.etc, around.shm, around.init, around.sources, around.tmpfs),
        "linux": linux,
    }
    if host.uts_mode != "host":
        spec["hostname"] = config.hostname
        if config.domainname:
            sysctls.setdefault("kernel.domainname", config.domainname)
            linux["sysctl"] = sysctls
    return spec


def _process(record: ContainerRecord, around: Surroundings, capabilities: tuple[str, ...]) -> dict[str, Any]:
    config, host = record.config, record.host
    args = [record.path, *record.args]
    process: dict[str, Any] = {
        "terminal": config.tty,
        "user": {
            "uid": around.user.uid,
            "gid": around.user.gid,
            "umask": _UMASK,
            "additionalGids": list(around.user.groups),
        },
        "args": [_INIT, "--", *args] if around.init else args,
        "env": environment(record, around.user.home, around.variables),
        "cwd": config.working_dir or "/",
        "capabilities": _capabilities(capabilities, around.user.uid),
        "noNewPrivileges": security_words(host).get("no-new-privileges", "false").lower() in ("", "1", "t", "true"),
    }
    if host.oom_score_adj:
        process["oomScoreAdj"] = host.oom_score_adj
    if host.resources.ulimits:
        from pallet.runtime.limits import rlimits

        process["rlimits"] = rlimits(host.resources)
    confined = apparmor.profile_of(security_words(host).get("apparmor", ""), host, around.apparmor)
    if confined:
        process["apparmorProfile"] = confined
    return process


def encode_spec(spec: dict[str, Any]) -> bytes:
    """The bytes of config.json."""
    return encode(spec)


def environment(record: ContainerRecord, home: str, variables: tuple[str, ...] = ()) -> list[str]:
    """The process's environment: docker's defaults, then the image's and the user's, then HOME if nobody set it."""
    out = {"PATH": defaults.PATH, "HOSTNAME": f"HOSTNAME={record.config.hostname}"}
    if record.config.tty:
        out["TERM"] = "TERM=xterm"
    for word in (*variables, *(record.config.env or ())):
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
    added, dropped = _known(add, "CapAdd"), _known(drop, "CapDrop")
    base = defaults.ALL_CAPABILITIES if "ALL" in added else defaults.CAPABILITIES
    kept = [] if "ALL" in dropped else [name for name in base if name not in dropped]
    kept += [name for name in added if name != "ALL" and name not in kept]
    return tuple(kept)


def granted(host: HostConfig) -> tuple[str, ...]:
    """The capabilities of a container on this machine: `ALL` are those that there are to give.

    Raises:
        InvalidInput: an unknown one.
    """
    add, drop = (("ALL",), ()) if host.privileged else (host.cap_add, host.cap_drop)
    wanted = capability_set(add, drop)
    if not any(name.upper() == "ALL" for name in add):
        return wanted
    there = _bounding_set()
    named = {name.upper().removeprefix("CAP_") for name in add}
    return tuple(name for name in wanted if name in named or there >> defaults.ALL_CAPABILITIES.index(name) & 1)


def _bounding_set() -> int:
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith("CapBnd:"):
                return int(line.split()[1], 16)
    return -1


def _known(names: tuple[str, ...], what: str) -> list[str]:
    out = []
    for name in names:
        plain = name.upper().removeprefix("CAP_")
        if name.upper() != "ALL" and plain not in defaults.ALL_CAPABILITIES:
            raise InvalidInput(f'invalid {what}: unknown capability: "CAP_{plain}"')
        out.append(plain)
    return out


def _capabilities(names: tuple[str, ...], uid: int) -> dict[str, list[str]]:
    full = [f"CAP_{name}" for name in names]
    # What execve(2) would leave to a user other than root: nothing but the bounding set.
    usable = full if uid == 0 else []
    return {"bounding": full, "effective": usable, "permitted": usable, "inheritable": [], "ambient": []}


def _namespaces(host: HostConfig, around: Surroundings) -> list[dict[str, str]]:
    out = [{"type": "mount"}]
    if host.uts_mode != "host":
        out.append({"type": "uts"})
    if around.private_cgroups:
        out.append({"type": "cgroup"})
    for kind, where in (("ipc", around.ipc), ("pid", around.pid), ("network", around.network)):
        if where != "host":
            out.append({"type": kind} if where == "new" else {"type": kind, "path": where})
    return out


def _limit(linux: dict[str, Any], host: HostConfig) -> None:
    from pallet.runtime import devices
    from pallet.runtime.limits import limits

    asked = host.resources
    rules = devices.rules(asked.devices, asked.device_cgroup_rules, all=host.privileged)
    linux["resources"] = {"devices": rules, **limits(asked)}
    # In a user namespace those asked for are mounts: see `spec_mounts`.
    made = devices.nodes(() if in_user_namespace() else asked.devices, all=host.privileged)
    if made:
        linux["devices"] = made


def security_words(host: HostConfig) -> dict[str, str]:
    """The user's security options; docker's older form has a colon."""
    found = {}
    for word in host.security_opt:
        separator = "=" if "=" in word else ":"
        name, _, value = word.partition(separator)
        found[name] = value
    return found


def _seccomp(host: HostConfig, capabilities: tuple[str, ...]) -> dict[str, Any] | None:
    asked = security_words(host).get("seccomp", "")
    if asked == "unconfined" or (host.privileged and not asked):
        return None
    if not asked:
        return profile(capabilities)
    from pallet.runtime.seccomp_profile import filter_from

    return filter_from(asked, capabilities)
