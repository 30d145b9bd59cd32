"""Times as docker writes them: nanoseconds since the epoch to RFC 3339 and back. On the quick path."""

from __future__ import annotations

import time

ZERO = "0001-01-01T00:00:00Z"
"""Go's zero time: what docker prints for never."""


def now_ns() -> int:
    """The present, in nanoseconds since the epoch."""
    return time.time_ns()


def rfc3339_nano(nanoseconds: int) -> str:
    """A UTC time as Go prints it: trailing zeros of the fraction are left out; 0 is Go's zero time."""
    if nanoseconds == 0:
        return ZERO
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    digits = f"{fraction:09d}".rstrip("0")
    return f"{text}.{digits}Z" if digits else f"{text}Z"


def parse_rfc3339(text: str) -> int:
    """Nanoseconds since the epoch of an RFC 3339 time; 0 for an empty one or Go's zero time.

    Raises:
        InvalidInput: not such a time.
    """
    from datetime import datetime

    from pallet.errors import InvalidInput

    if not text or text == ZERO:
        return 0
    try:
        whole, dot, rest = text.partition(".")
        digits = ""
        if dot:
            digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
            whole += rest[len(digits) :]
        moment = datetime.fromisoformat(whole)
        if moment.tzinfo is None:
            raise ValueError("no time zone")
    except ValueError as error:
        raise InvalidInput(f'parsing time "{text}": not an RFC 3339 time') from error
    return int(moment.timestamp()) * 1_000_000_000 + int(digits[:9].ljust(9, "0") or 0)


def parse_until(text: str) -> int:
    """The moment that docker's `until` means, in nanoseconds since the epoch.

    Args:
        text: a Go duration before now (`24h`), an RFC 3339 time, a date, or seconds since the epoch.

    Raises:
        InvalidInput: none of these.
    """
    from pallet.durations import parse_duration
    from pallet.errors import InvalidInput

    if text.isdecimal():
        return int(text) * 1_000_000_000
    try:
        return now_ns() - parse_duration(text)
    except InvalidInput:
        pass
    if len(text) == 10:
        text += "T00:00:00"
    return parse_rfc3339(text if text.endswith("Z") or "+" in text[10:] or "-" in text[10:] else text + "Z")
