"""AppArmor: which profiles the kernel has, and which one a container's processes get.

Source: apparmor(7); docker 20.10, daemon/apparmor_default.go and oci_linux.go (WithApparmor).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.store.host_config import HostConfig

_ENABLED = "/sys/module/apparmor/parameters/enabled"
_PROFILES = "/sys/kernel/security/apparmor/profiles"
_DEFAULT = "docker-default"
_UNCONFINED = "unconfined"


def loaded_profiles() -> frozenset[str] | None:
    """The names of the kernel's profiles, as far as they may be read; None if it has no AppArmor."""
    try:
        with open(_ENABLED) as file:
            if file.read(1) != "Y":
                return None
    except OSError:
        return None
    try:
        with open(_PROFILES) as file:
            return profile_names(file.read())
    except OSError:
        return frozenset()


def profile_names(text: str) -> frozenset[str]:
    """The names in the kernel's list, a line each: `docker-default (enforce)`."""
    return frozenset(line.rpartition(" (")[0] for line in text.splitlines() if " (" in line)


def profile_of(asked: str, host: HostConfig, there: frozenset[str] | None) -> str:
    """The profile of a container's processes: the user's, else docker's default one where somebody has loaded it.

    Args:
        asked: the value of `--security-opt apparmor=`.
        host: the container's settings.
        there: as `loaded_profiles` tells.

    Returns:
        The profile; empty for none.
    """
    if there is None:
        return ""
    if asked:
        return asked
    if host.privileged:
        return _UNCONFINED
    return _DEFAULT if _DEFAULT in there else ""
