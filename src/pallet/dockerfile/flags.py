"""An instruction's flags: `--link`, `--chown=1:1`, and those that may come several times, such as `--mount=...`."""

from __future__ import annotations

from collections.abc import Iterable

from pallet.dockerfile.suggest import did_you_mean
from pallet.errors import InvalidInput


class Flags:
    """The flags an instruction was given, by name."""

    def __init__(self, given: dict[str, list[str]]) -> None:
        self._given = given

    def text(self, name: str, default: str = "") -> str:
        """The value of a flag that takes one."""
        return self._given.get(name, [default])[0]

    def texts(self, name: str) -> tuple[str, ...]:
        """All values of a flag that may come several times."""
        return tuple(self._given.get(name, ()))

    def truth(self, name: str) -> bool | None:
        """The value of a flag that is on or off, or None if it was not given."""
        values = self._given.get(name)
        return None if values is None else values[0] == "true"


def parse_flags(
    flags: Iterable[str],
    *,
    switches: tuple[str, ...] = (),
    strings: tuple[str, ...] = (),
    lists: tuple[str, ...] = (),
) -> Flags:
    """Check flags against those that an instruction knows.

    Args:
        flags: the words, each beginning with `--`.
        switches: names of flags that are on or off.
        strings: names of flags with one value.
        lists: names of flags with a value that may come several times.

    Raises:
        InvalidInput: an unknown or repeated flag, a value that is missing or wrong, with BuildKit's text.
    """
    given: dict[str, list[str]] = {}
    for flag in flags:
        shown, equals, value = flag.partition("=")
        name = shown[2:]
        if name not in switches and name not in strings and name not in lists:
            known = (*switches, *strings, *lists)
            raise InvalidInput(f"unknown flag: {shown}{did_you_mean(name, known)}")
        if name in given and name not in lists:
            raise InvalidInput(f"duplicate flag specified: {shown}")
        if name in switches:
            if equals and not value:
                raise InvalidInput(f"missing a value on flag: {shown}")
            value = value.lower() or "true"
            if value not in ("true", "false"):
                raise InvalidInput(f"expecting boolean value for flag {shown}, not: {flag.partition('=')[2]}")
        elif not equals:
            raise InvalidInput(f"missing a value on flag: {shown}")
        given.setdefault(name, []).append(value)
    return Flags(given)
