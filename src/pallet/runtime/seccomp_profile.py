"""A user's seccomp profile, in docker's form, as the OCI runtime's filter.

Source: docker's documentation ("Seccomp security profiles for Docker"); moby, profiles/seccomp (the fields and what
they mean); OCI runtime spec 1.0.2, config-linux.md ("Seccomp").
"""

from __future__ import annotations

import os
from typing import Any

import msgspec

from pallet.errors import HostError

# The names of machines in profiles, by uname's.
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "i686": "x86", "armv7l": "arm"}
_ARCHITECTURES = {"amd64": "SCMP_ARCH_X86_64", "arm64": "SCMP_ARCH_AARCH64", "x86": "SCMP_ARCH_X86"}


class _Argument(msgspec.Struct, omit_defaults=True, rename="camel"):
    index: int = 0
    value: int = 0
    value_two: int = 0
    op: str = ""


class _Filter(msgspec.Struct, rename="camel"):
    caps: list[str] | None = None
    arches: list[str] | None = None
    min_kernel: str = ""


class _Call(msgspec.Struct, rename="camel"):
    name: str = ""
    names: list[str] | None = None
    action: str = ""
    errno_ret: int | None = None
    args: list[_Argument] | None = None
    includes: _Filter = msgspec.field(default_factory=_Filter)
    excludes: _Filter = msgspec.field(default_factory=_Filter)


class _ArchMap(msgspec.Struct, rename="camel"):
    architecture: str = ""
    sub_architectures: list[str] | None = None


class _Profile(msgspec.Struct, rename="camel"):
    default_action: str = ""
    default_errno_ret: int | None = None
    architectures: list[str] | None = None
    arch_map: list[_ArchMap] | None = None
    syscalls: list[_Call] | None = None


def filter_from(text: str, capabilities: tuple[str, ...]) -> dict[str, Any] | None:
    """The runtime's filter.

    Args:
        text: the profile, JSON.
        capabilities: the container's, without `CAP_`, which rules may depend on.

    Returns:
        The `linux.seccomp` object; None for a profile without a default action, which filters nothing.

    Raises:
        HostError: it is no profile.
    """
    try:
        profile = msgspec.json.decode(text.encode(), type=_Profile)
    except msgspec.MsgspecError as error:
        raise HostError(f"Decoding seccomp profile failed: {error}") from error
    if not profile.default_action:
        return None
    if profile.architectures and profile.arch_map:
        raise HostError("both 'architectures' and 'archMap' are specified in the seccomp profile, use either one")
    machine = _MACHINES.get(os.uname().machine, os.uname().machine)
    found: dict[str, Any] = {"defaultAction": profile.default_action, "architectures": profile.architectures or []}
    if profile.default_errno_ret is not None:
        found["defaultErrnoRet"] = profile.default_errno_ret
    for arch in profile.arch_map or ():
        if arch.architecture == _ARCHITECTURES.get(machine, f"SCMP_ARCH_{machine.upper()}"):
            found["architectures"] = [arch.architecture, *(arch.sub_architectures or ())]
    full = {f"CAP_{name}" for name in capabilities}
    found["syscalls"] = [_rule(call) for call in profile.syscalls or () if _applies(call, machine, full)]
    return found


def _applies(call: _Call, machine: str, capabilities: set[str]) -> bool:
    wanted, unwanted = call.includes, call.excludes
    return (
        (not wanted.arches or machine in wanted.arches)
        and not (unwanted.arches and machine in unwanted.arches)
        and (not wanted.caps or capabilities.issuperset(wanted.caps))
        and not (unwanted.caps and capabilities.intersection(unwanted.caps))
        and (not wanted.min_kernel or _kernel() >= _version(wanted.min_kernel))
        and not (unwanted.min_kernel and _kernel() >= _version(unwanted.min_kernel))
    )


def _rule(call: _Call) -> dict[str, Any]:
    names = call.names or ([call.name] if call.name else [])
    if not names or (call.name and call.names):
        raise HostError("'name' and 'names' were specified in the seccomp profile, use either 'name' or 'names'")
    rule: dict[str, Any] = {"names": names, "action": call.action}
    if call.errno_ret is not None:
        rule["errnoRet"] = call.errno_ret
    if call.args:
        rule["args"] = [msgspec.to_builtins(each) | {"index": each.index, "value": each.value} for each in call.args]
    return rule


def _kernel() -> tuple[int, int]:
    return _version(os.uname().release)


def _version(text: str) -> tuple[int, int]:
    major, _, rest = text.partition(".")
    digits = "".join(char for char in rest.partition(".")[0].partition("-")[0] if char.isdigit())
    return int(major) if major.isdigit() else 0, int(digits or 0)
