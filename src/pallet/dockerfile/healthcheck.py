"""`HEALTHCHECK [--interval=30s ...] CMD command` and `HEALTHCHECK NONE`."""

from __future__ import annotations

from pallet.dockerfile.flags import parse_flags
from pallet.dockerfile.numbers import parse_number
from pallet.dockerfile.source import quoted
from pallet.dockerfile.words import exec_form, first_word, split_instruction
from pallet.durations import parse_duration
from pallet.errors import InvalidInput
from pallet.oci.config import Healthcheck

_DURATIONS = ("interval", "timeout", "start-period", "start-interval")
_KNOWN = (*_DURATIONS, "retries")
_MILLISECOND = 10**6
_LONGEST_DURATION = 40


def parse_healthcheck(text: str) -> Healthcheck:
    """Parse what follows the keyword in a `--change`.

    Raises:
        InvalidInput: an unknown flag or type, or a bad time, with docker's text.
    """
    _, flags, body = split_instruction(f"HEALTHCHECK {text}")
    for flag in flags:
        name = flag[2:].partition("=")[0]
        if name not in _KNOWN:
            raise InvalidInput(f"Unknown flag: {name}")
    return healthcheck(flags, body)


def healthcheck(flags: tuple[str, ...], body: str) -> Healthcheck:
    """The check that flags and body of the instruction describe.

    Raises:
        InvalidInput: an unknown flag or type, or a bad time, with docker's text.
    """
    kind, command = first_word(body)
    if kind.upper() == "NONE":
        if command:
            raise InvalidInput("HEALTHCHECK NONE takes no arguments")
        return Healthcheck(test=("NONE",))
    values = parse_flags(flags, strings=_KNOWN)
    if kind.upper() != "CMD":
        raise InvalidInput(f"Unknown type {quoted(kind.upper())} in HEALTHCHECK (try CMD)")
    words = exec_form(command)
    if not (command if words is None else words):
        raise InvalidInput("Missing command after HEALTHCHECK CMD")
    times = [_interval(name, values.text(name)) for name in _DURATIONS]
    retries = values.text("retries")
    return Healthcheck(
        test=("CMD-SHELL", command) if words is None else ("CMD", *words),
        interval=times[0],
        timeout=times[1],
        start_period=times[2],
        start_interval=times[3],
        retries=_retries(retries) if retries else 0,
    )


def _retries(text: str) -> int:
    number = parse_number(text, bits=31)
    if number < 0:
        raise InvalidInput(f"--retries cannot be negative ({number})")
    return number


def _interval(name: str, text: str) -> int:
    if not text:
        return 0
    if len(text) > _LONGEST_DURATION:
        raise InvalidInput(f"time: invalid duration {quoted(text)}")
    found = parse_duration(text.removeprefix("-"))
    if found and (found < _MILLISECOND or text.startswith("-")):
        raise InvalidInput(f"Interval {quoted(name)} cannot be less than 1ms")
    return found
