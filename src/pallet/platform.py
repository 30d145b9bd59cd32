"""Platforms: which of an index's manifests suits this machine.

Source: OCI image spec 1.1, image-index.md, "platform"; names and variants are normalised as containerd does.
"""

from __future__ import annotations

import msgspec

from pallet.errors import InvalidInput

_ARCHITECTURES = {
    "i386": ("386", ""),
    "i686": ("386", ""),
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
}
_SPECIFIER = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
_IMPLIED_VARIANT = {"arm64": "v8", "arm": "v7", "amd64": "v1"}
# What a processor of a variant can run, best first.
_RUNS_ON = {
    "arm": ("v8", "v7", "v6", "v5"),
    "arm64": ("v9", "v8"),
    "amd64": ("v4", "v3", "v2", "v1"),
}


class Platform(msgspec.Struct, frozen=True, omit_defaults=True, rename={"os_version": "os.version"}):
    """An operating system and a processor, in Go's words (`linux`, `amd64`, `v7`)."""

    architecture: str = ""
    os: str = ""
    variant: str = ""
    os_version: str = ""

    def __str__(self) -> str:
        """`linux/arm/v7`, as `--platform` takes it."""
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    def normalized(self) -> Platform:
        """The same platform with Go's names and without an implied variant (`arm64/v8` is `arm64`)."""
        architecture = self.architecture.lower()
        variant = self.variant.lower()
        if architecture in _ARCHITECTURES:
            architecture, implied = _ARCHITECTURES[architecture]
            variant = variant or implied
        if variant.isdigit():
            variant = "v" + variant
        if architecture == "arm" and not variant:
            variant = "v7"
        if architecture in ("arm64", "amd64") and variant == _IMPLIED_VARIANT[architecture]:
            variant = ""
        return Platform(architecture, self.os.lower(), variant, self.os_version)


def parse(text: str) -> Platform:
    """Parse `os/arch[/variant]`, `os` or `arch`, as docker's `--platform` does; what is missing is this machine's.

    Raises:
        InvalidInput: not a platform.
    """
    parts = text.split("/")
    if not 1 <= len(parts) <= 3 or not all(part and _SPECIFIER.issuperset(part) for part in parts):
        raise InvalidInput(f'"{text}": cannot parse platform specifier: invalid argument')
    if len(parts) > 1:
        return Platform(parts[1], parts[0], parts[2] if len(parts) > 2 else "").normalized()
    here = host()
    if parts[0].lower() in _ARCHITECTURES or parts[0].lower() in (
        "amd64",
        "arm64",
        "arm",
        "386",
        "ppc64le",
        "s390x",
        "riscv64",
    ):
        return Platform(parts[0], here.os).normalized()
    if parts[0].lower() in ("linux", "windows", "darwin", "freebsd"):
        return Platform(here.architecture, parts[0], here.variant).normalized()
    raise InvalidInput(f'"{text}": unknown operating system or architecture: invalid argument')


def host() -> Platform:
    """The platform of this machine."""
    import os

    system = os.uname()
    return Platform(system.machine, system.sysname.lower()).normalized()


def rank(candidate: Platform, wanted: Platform) -> int | None:
    """How well `candidate` suits `wanted`: 0 is exact, more is worse, None means it does not run there."""
    candidate, wanted = candidate.normalized(), wanted.normalized()
    if (candidate.os, candidate.architecture) != (wanted.os, wanted.architecture):
        return None
    if candidate.variant == wanted.variant:
        return 0
    order = _RUNS_ON.get(wanted.architecture)
    if order is None:
        return None
    implied = _IMPLIED_VARIANT[wanted.architecture]
    try:
        distance = order.index(candidate.variant or implied) - order.index(wanted.variant or implied)
    except ValueError:
        return None
    return distance if distance >= 0 else None
