"""Volumes whose driver options mount something: a tmpfs, a directory elsewhere, a file system on a device.

docker's daemon mounts it on the volume's directory for all to see. Here each container has it in the mount namespace of
its conmon, and it goes with that: nothing is left after a crash. A tmpfs is therefore one container's at a time.
Source: mount(8) for the options' words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from pallet.errors import HostError
from pallet.host import mounts

_FLAGS = {
    "bind": mounts.MS_BIND,
    "noatime": 0x400,
    "nodev": mounts.MS_NODEV,
    "nodiratime": 0x800,
    "noexec": mounts.MS_NOEXEC,
    "nosuid": mounts.MS_NOSUID,
    "rbind": mounts.MS_BIND | mounts.MS_REC,
    "relatime": 0x200000,
    "ro": mounts.MS_RDONLY,
    "sync": 0x10,
}
_OF_A_BIND = ("noatime", "nodev", "nodiratime", "noexec", "nosuid", "relatime", "ro")
_MEANINGLESS = ("defaults", "rw", "async", "exec", "suid", "dev", "")


class VolumeMount(msgspec.Struct, frozen=True):
    """What is mounted on a volume's directory.

    Attributes:
        name: the volume's name.
        target: its directory.
        type: the file system's type; `none` for a bind.
        device: what is mounted.
        flags: mount(2)'s.
        options: the file system's own.
    """

    name: str
    target: str
    type: str
    device: str
    flags: int
    options: str


def volume_mount(name: str, target: str, options: Mapping[str, str]) -> VolumeMount:
    """What a volume's options (`type`, `device`, `o`) ask for."""
    flags, own = 0, []
    for word in options.get("o", "").split(","):
        if word in _FLAGS:
            flags |= _FLAGS[word]
        elif word not in _MEANINGLESS:
            own.append(word)
    return VolumeMount(name, target, options["type"], options["device"], flags, ",".join(own))


def bind_options(volume: VolumeMount) -> tuple[str, ...]:
    """What of it the runtime has to be told again: its bind into the container has flags of its own."""
    return tuple(word for word in _OF_A_BIND if volume.flags & _FLAGS[word])


def mount_volumes(wanted: Sequence[VolumeMount]) -> None:
    """Mount them, in a mount namespace that is private already.

    Raises:
        HostError: the kernel refuses, in docker's words.
    """
    for each in wanted:
        kind = None if each.flags & mounts.MS_BIND else each.type
        try:
            mounts.mount(each.device, each.target, kind, each.flags, each.options or None)
            if each.flags & mounts.MS_BIND and each.flags & mounts.MS_RDONLY:
                mounts.mount(None, each.target, None, mounts.MS_REMOUNT | mounts.MS_BIND | mounts.MS_RDONLY)
        except OSError as error:
            why = (error.strerror or "").lower()
            what = f"{each.device}:{each.target}, flags: {each.flags:#x}" + f", data: {each.options}" * bool(
                each.options
            )
            text = f"error while mounting volume '{each.target}': failed to mount local volume: mount {what}: {why}"
            raise HostError(text) from error
