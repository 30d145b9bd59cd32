"""The filter for system calls that containers get by default.

Source: docker's documentation ("Seccomp security profiles for Docker") and OCI runtime spec, config-linux.md, seccomp.
"""

from __future__ import annotations

import os
from typing import Any

from pallet.runtime.syscalls import ALLOWED, BLOCKED, WITH_CAPABILITY

_EPERM = 1
_ENOSYS = 38
_ALLOW = "SCMP_ACT_ALLOW"
_ERRNO = "SCMP_ACT_ERRNO"
_NEW_NAMESPACES = 0x7E020000  # every CLONE_NEW* flag
_AF_VSOCK = 40
# personality(2): the plain one, PER_LINUX32, UNAME26, both, and the question which one it is.
_PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)
_ARCHITECTURES = {
    "x86_64": ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"),
    "aarch64": ("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"),
    "s390x": ("SCMP_ARCH_S390X", "SCMP_ARCH_S390"),
    "ppc64le": ("SCMP_ARCH_PPC64LE",),
    "riscv64": ("SCMP_ARCH_RISCV64",),
}


def profile(capabilities: tuple[str, ...], machine: str | None = None) -> dict[str, Any]:
    """The filter for a container with these capabilities.

    Args:
        capabilities: without `CAP_`.
        machine: as uname(2) names it; None for this one.
    """
    machine = os.uname().machine if machine is None else machine
    allowed = ALLOWED.split()
    blocked = BLOCKED.split()
    for line in WITH_CAPABILITY.split("\n"):
        capability, _, names = line.partition(":")
        (allowed if capability in capabilities else blocked).extend(names.split())
    refused = sorted(set(blocked) - set(allowed) - {"clone", "clone3"})
    calls = [
        _rule(allowed, _ALLOW),
        *(_rule(["personality"], _ALLOW, _arg(0, kind)) for kind in _PERSONALITIES),
        _rule(["socket"], _ALLOW, _arg(0, _AF_VSOCK, "SCMP_CMP_NE")),
        _rule(refused, _ERRNO, errno=_EPERM),
    ]
    if "SYS_ADMIN" not in capabilities:
        flags = 1 if machine == "s390x" else 0  # where clone(2) has its flags
        calls.append(_rule(["clone"], _ALLOW, _arg(flags, _NEW_NAMESPACES, "SCMP_CMP_MASKED_EQ", 0)))
        # Its flags are in memory, out of a filter's reach; libc falls back to clone.
        calls.append(_rule(["clone3"], _ERRNO, errno=_ENOSYS))
    return {
        "defaultAction": _ERRNO,
        "defaultErrnoRet": _ENOSYS,
        "architectures": list(_ARCHITECTURES.get(machine, ())),
        "syscalls": calls,
    }


def _rule(names: list[str], action: str, *args: dict[str, Any], errno: int | None = None) -> dict[str, Any]:
    rule: dict[str, Any] = {"names": names, "action": action}
    if args:
        rule["args"] = list(args)
    if errno is not None:
        rule["errnoRet"] = errno
    return rule


def _arg(index: int, value: int, op: str = "SCMP_CMP_EQ", value_two: int | None = None) -> dict[str, Any]:
    arg: dict[str, Any] = {"index": index, "value": value, "op": op}
    if value_two is not None:
        arg["valueTwo"] = value_two
    return arg
