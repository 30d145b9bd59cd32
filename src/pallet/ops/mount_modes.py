"""The words behind a mount: `ro`, `z`, `rslave`, `nocopy`, `cached`; and options of tmpfs.

Source: moby, volume/mounts (linux parser) and pkg/mount; docker's documentation of bind mounts.
"""

from __future__ import annotations

from collections.abc import Iterable

from pallet.errors import HostError

PROPAGATIONS = ("shared", "rshared", "slave", "rslave", "private", "rprivate")
_GROUPS = (("ro", "rw"), ("z", "Z"), PROPAGATIONS, ("nocopy",), ("consistent", "cached", "delegated", "default"))

# Flags of mount(8) that a tmpfs takes, each with the one it undoes.
_OPPOSITES = (
    ("ro", "rw"),
    ("noexec", "exec"),
    ("nosuid", "suid"),
    ("nodev", "dev"),
    ("sync", "async"),
    ("dirsync", ""),
    ("mand", "nomand"),
    ("noatime", "atime"),
    ("nodiratime", "diratime"),
    ("relatime", "norelatime"),
    ("strictatime", "nostrictatime"),
    ("bind", ""),
    ("rbind", ""),
    ("remount", ""),
    *((name, "") for name in (*PROPAGATIONS, "unbindable", "runbindable", "defaults")),
)
_VALUES = ("uid", "gid", "mode", "mpol", "nr_inodes", "nr_blocks", "size")
_TMPFS_DEFAULTS = ("noexec", "nosuid", "nodev")


def is_mode(text: str) -> bool:
    """Whether a text is the third part of a `-v`: at most one word of each group; empty is one."""
    words = text.split(",") if text else []
    return all(any(word in group for group in _GROUPS) for word in words) and all(
        sum(word in group for word in words) <= 1 for group in _GROUPS
    )


def propagation(mode: str) -> str:
    """The propagation that a mode names, or empty."""
    return next((word for word in mode.split(",") if word in PROPAGATIONS), "")


def tmpfs_options(own: Iterable[str]) -> list[str]:
    """docker's options for a tmpfs with the user's, the last of each kind.

    Raises:
        HostError: one that a tmpfs does not take, with docker's text.
    """
    kept: dict[str, str] = {}
    for word in (*_TMPFS_DEFAULTS, *own):
        if not word:
            continue
        name, equals, _ = word.partition("=")
        if equals:
            if name not in _VALUES:
                raise HostError(f'invalid tmpfs option ["{name}" "{word[len(name) + 1 :]}"]')
            kept[name] = word
            continue
        pair = next((pair for pair in _OPPOSITES if name in pair), None)
        if pair is None:
            raise HostError(f'invalid tmpfs option ["{name}"]')
        kept[pair[0]] = word
    return [word for word in kept.values() if word != "defaults"]
