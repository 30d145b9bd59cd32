"""`HEALTHCHECK [--interval=30s ...] CMD command` and `HEALTHCHECK NONE`."""

from __future__ import annotations

from pallet.dockerfile.words import command, exec_form
from pallet.durations import parse_duration
from pallet.errors import InvalidInput
from pallet.oci.config import Healthcheck

_DURATIONS = ("interval", "timeout", "start-period")


def parse_healthcheck(text: str) -> Healthcheck:
    """Parse what follows the keyword.

    Raises:
        InvalidInput: an unknown flag or type, or a bad time, with docker's text.
    """
    values = dict.fromkeys(_DURATIONS, 0)
    retries = 0
    while text.startswith("--"):
        flag, _, text = text.partition(" ")
        text = text.lstrip()
        name, _, value = flag[2:].partition("=")
        if name in values:
            values[name] = _interval(name, value)
        elif name == "retries":
            if not value.isdecimal() or int(value) < 1:
                raise InvalidInput(f"--retries must be at least 1 (not {value})")
            retries = int(value)
        else:
            raise InvalidInput(f"Unknown flag: {name}")
    kind, _, rest = text.partition(" ")
    rest = rest.strip()
    if kind.upper() == "NONE":
        if rest:
            raise InvalidInput("HEALTHCHECK NONE takes no arguments")
        return Healthcheck(test=("NONE",))
    if kind.upper() != "CMD":
        raise InvalidInput(f'Unknown type "{kind.upper()}" in HEALTHCHECK (try CMD)')
    if not rest:
        raise InvalidInput("Missing command after HEALTHCHECK CMD")
    words = exec_form(rest)
    test = ("CMD", *words) if words is not None else ("CMD-SHELL", command(rest)[-1])
    return Healthcheck(test, values["interval"], values["timeout"], values["start-period"], retries)


def _interval(name: str, text: str) -> int:
    found = parse_duration(text)
    if 0 < found < 10**6:
        raise InvalidInput(f'Interval "{name}" cannot be less than 1ms')
    return found
