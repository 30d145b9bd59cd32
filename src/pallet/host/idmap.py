"""Which ids there are where this process runs: all, or those of a user namespace. Quick path: imports nothing but os.

Source: user_namespaces(7), "User and group ID mappings".
"""

from __future__ import annotations

import os

_ALL = (1 << 32) - 1


def in_user_namespace() -> bool:
    """Whether this process is in a user namespace that lacks some ids: its root is not the machine's."""
    return _mapped() < _ALL


def is_rootless() -> bool:
    """Whether this process is a user's without privileges, or in such a user's namespace."""
    return os.geteuid() != 0 or in_user_namespace()


def has_one_id() -> bool:
    """Whether the user namespace of this process has a single user id."""
    return _mapped() == 1


def _mapped() -> int:
    try:
        with open("/proc/self/uid_map", "rb") as file:
            return sum(int(line.split()[2]) for line in file)
    except FileNotFoundError:  # a kernel without user namespaces
        return _ALL
