"""Who a container's process is: docker's `user[:group]` words, read against the root's /etc/passwd and /etc/group.

Source: github.com/opencontainers/runc/libcontainer/user, the rules of GetExecUser; the error texts are its own.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pallet.errors import HostError

_LARGEST = (1 << 31) - 1


class User(msgspec.Struct, frozen=True):
    """A process's user, as numbers.

    Attributes:
        uid: the user.
        gid: its group.
        groups: all its groups, its own first: without that, a file that shuts out its group would let it in.
        home: the home directory.
    """

    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


def resolve_user(words: str, passwd: bytes, group: bytes) -> User:
    """Find a user.

    Args:
        words: `name`, `uid`, `name:group`, ...; empty for root.
        passwd: the content of /etc/passwd, empty if there is none.
        group: the content of /etc/group.

    Raises:
        HostError: no such user or group, in docker's words.
    """
    name, group_name = (*words.split(":"), "")[:2]
    name = name or "0"
    number = _number(name)
    uid, gid, home, found_name = number if number is not None else 0, 0, "/", ""
    found = False
    for fields in _lines(passwd, 7):
        # A name wins over a number; the first match counts.
        if fields[0] == name or (number is not None and fields[2] == str(number)):
            uid, gid, home, found_name = _int(fields[2]), _int(fields[3]), fields[5] or "/", fields[0]
            found = True
            break
    if not found and number is None:
        raise HostError(f"unable to find user {name}: no matching entries in passwd file")
    if not 0 <= uid <= _LARGEST:
        raise HostError("uids and gids must be in range 0-2147483647")
    if group_name:
        gid = _group(group_name, group)
        return User(uid, gid, (gid,), home)
    others = [_int(f[2]) for f in _lines(group, 4) if found_name and found_name in f[3].split(",")]
    return User(uid, gid, tuple(dict.fromkeys((gid, *others))), home)


def add_groups(user: User, names: Iterable[str], group: bytes) -> User:
    """A user with more groups.

    Args:
        user: the user.
        names: groups by name or number.
        group: the content of /etc/group.

    Raises:
        HostError: no such group, in docker's words.
    """
    added = []
    for name in names:
        try:
            added.append(_group(name, group))
        except HostError as error:
            raise HostError(error.message.replace("unable", "Unable", 1)) from error
    return User(user.uid, user.gid, tuple(dict.fromkeys((*user.groups, *added))), user.home)


def _group(name: str, group: bytes) -> int:
    number = _number(name)
    for fields in _lines(group, 3):
        if fields[0] == name or (number is not None and fields[2] == str(number)):
            return _int(fields[2])
    if number is None:
        raise HostError(f"unable to find group {name}: no matching entries in group file")
    if not 0 <= number <= _LARGEST:
        raise HostError("uids and gids must be in range 0-2147483647")
    return number


def _lines(text: bytes, fields: int) -> list[list[str]]:
    out = []
    for line in text.decode("utf-8", "surrogateescape").splitlines():
        parts = line.strip().split(":")
        if parts[0] and not parts[0].startswith("#"):
            out.append(parts + [""] * (fields - len(parts)))
    return out


def _number(text: str) -> int | None:
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() else None


def _int(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
