"""Times as docker writes them: nanoseconds since the epoch to RFC 3339 and back. On the quick path."""

from __future__ import annotations

import time

ZERO = "0001-01-01T00:00:00Z"
"""Go's zero time: what docker prints for never."""

_MOMENT = r"(\d{4}-\d\d-\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d(?:\.\d+)?))?)?)?(Z|[+-]\d\d:\d\d)?"


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


def go_time(nanoseconds: int) -> str:
    """A UTC time as Go's `String` has it: `2026-11-24 03:48:46.5 +0000 UTC`."""
    return rfc3339_nano(nanoseconds).replace("T", " ").removesuffix("Z") + " +0000 UTC"


def rfc3339_local(nanoseconds: int) -> str:
    """A time in the machine's zone, to the second: `2026-11-24T03:48:46Z`, `2026-11-24T04:48:46+01:00`."""
    moment = time.localtime(nanoseconds // 1_000_000_000)
    zone = time.strftime("%z", moment)
    return time.strftime("%Y-%m-%dT%H:%M:%S", moment) + ("Z" if zone == "+0000" else f"{zone[:3]}:{zone[3:]}")


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
        text: a Go duration before now (`24h`), an RFC 3339 time or its beginning (a date at least) with or without a
            time zone, or seconds since the epoch. Source: moby, api/types/time/timestamp.go.

    Raises:
        InvalidInput: none of these.
    """
    import re

    from pallet.durations import parse_duration
    from pallet.errors import InvalidInput

    seconds = re.fullmatch(r"(\d+)(?:\.(\d{1,9})\d*)?", text, re.ASCII)
    if seconds:
        return int(seconds[1]) * 1_000_000_000 + int((seconds[2] or "").ljust(9, "0"))
    try:
        duration = parse_duration(text.removeprefix("-"))
        return now_ns() + (duration if text.startswith("-") else -duration)
    except InvalidInput:
        if "-" not in text:
            raise InvalidInput(f'failed to parse value as time or duration: "{text}"') from None
    moment = re.fullmatch(_MOMENT, text, re.ASCII)
    if moment is None:
        why = f' as "2006-01-02": cannot parse "{text}" as "2006"' if text.startswith("-") else ": not an RFC 3339 time"
        raise InvalidInput(f'parsing time "{text}"{why}')
    date, hour, minute, second, zone = moment.groups()
    if not 1 <= int(date[5:7]) <= 12:
        raise InvalidInput(f'parsing time "{text}": month out of range')
    # Without a zone docker means that of the machine.
    clock = f"{hour or '00'}:{minute or '00'}:{second or '00'}"
    return parse_rfc3339(f"{date}T{clock}{zone or time.strftime('%z')}")
