"""Go's durations: `1m30s`. Source: Go, time.ParseDuration."""

from __future__ import annotations

from pallet.errors import InvalidInput

_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


def parse_duration(text: str) -> int:
    """Nanoseconds of a Go duration: `1m30s`, `1.5h`.

    Raises:
        InvalidInput: not a duration, with Go's text.
    """
    total = 0.0
    rest = text.removeprefix("+")
    while rest:
        number = rest[: len(rest) - len(rest.lstrip("0123456789."))]
        tail = rest[len(number) :]
        unit = tail[: len(tail) - len(tail.lstrip("nuµmsh"))]
        if unit not in _UNITS or not number.strip(".") or number.count(".") > 1:
            raise InvalidInput(f'time: invalid duration "{text}"')
        total += float(number) * _UNITS[unit]
        rest = tail[len(unit) :]
    if not text:
        raise InvalidInput('time: invalid duration ""')
    return int(total)
