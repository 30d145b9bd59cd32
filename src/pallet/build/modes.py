"""`--chmod`: octal or symbolic modes; `--chown`: users and groups of a root file system.

Sources: Dockerfile reference, "COPY --chown --chmod"; chmod(1).
"""

from __future__ import annotations

import re
import stat
from collections.abc import Callable

from pallet.errors import HostError, InvalidInput
from pallet.host.inroot import read_in_root

_CLAUSE = r"([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*))+)"
_ACTION = r"([-+=])([ugo]|[rwxXst]*)"
_BITS = {"r": 0o444, "w": 0o222, "x": 0o111}
_WHO = {"u": 0o4700, "g": 0o2070, "o": 0o1007}


def mode_change(text: str) -> Callable[[int], int] | None:
    """What a --chmod does to a file's `st_mode`: gives the new permission bits; None for no --chmod.

    The text has been checked when its instruction was expanded.
    """
    if not text:
        return None
    if text.isdigit():
        fixed = int(text, 8)
        return lambda mode: fixed
    clauses = [match.groups() for match in re.finditer(_CLAUSE, text)]

    def change(mode: int) -> int:
        bits = stat.S_IMODE(mode)
        for who, actions in clauses:
            for operator, what in re.findall(_ACTION, actions):
                bits = _apply(bits, who or "a", operator, what, directory=stat.S_ISDIR(mode))
        return bits

    return change


def _apply(bits: int, who: str, operator: str, what: str, *, directory: bool) -> int:
    letters = "ugo" if "a" in who else who
    mask = 0
    for letter in letters:
        mask |= _WHO[letter]
    value = 0
    if what in ("u", "g", "o"):
        three = (bits >> {"u": 6, "g": 3, "o": 0}[what]) & 7
        value = three << 6 | three << 3 | three
    else:
        for letter in what:
            if letter == "X":
                value |= 0o111 if directory or bits & 0o111 else 0
            elif letter == "s":
                value |= 0o6000
            elif letter == "t":
                value |= 0o1000
            else:
                value |= _BITS[letter]
    value &= mask | (0o1000 if "o" in letters else 0)
    if operator == "+":
        return bits | value
    if operator == "-":
        return bits & ~value
    return (bits & ~(mask & 0o777 if directory else mask)) | value


def has_numbers(text: str) -> bool:
    """Whether a --chown means the same in every root."""
    user, colon, group = text.partition(":")
    return user.isdigit() and (not colon or group.isdigit())


def owner(text: str, root: int) -> tuple[int, int] | None:
    """Whom a --chown means: user and group id, a user's own group if none is given; None for no --chown.

    Args:
        text: `user[:group]`, names or numbers.
        root: the stage's root directory, open.

    Raises:
        InvalidInput: no such user or group.
    """
    if not text:
        return None
    user, _, group = text.partition(":")
    if has_numbers(text):
        return int(user), int(group) if group else int(user)
    from pallet.runtime.users import resolve_user

    try:
        found = resolve_user(text, read_in_root(root, "/etc/passwd"), read_in_root(root, "/etc/group"))
    except HostError as error:
        raise InvalidInput(error.message) from error
    if user.isdigit() and group:
        return int(user), found.gid
    return found.uid, found.gid
