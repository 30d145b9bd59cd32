"""time.Duration: a health check's interval in `docker inspect` prints as 1m30s, and answers to .Seconds.

Source: the documentation of Go's time package; `docker image inspect --format '{{.Config.Healthcheck.Interval}}'`.
"""

from __future__ import annotations

DURATION = "time.Duration"
"""The go_type of a GoInt that is a number of nanoseconds."""

_SECOND = 10**9


def duration_text(nanoseconds: int) -> str:
    """A duration as Go's String writes it: 1h0m30s, 1.5s, 20ms, 0s."""
    sign, rest = ("-", -nanoseconds) if nanoseconds < 0 else ("", int(nanoseconds))
    if rest < _SECOND:
        for unit, size in (("ms", 10**6), ("µs", 10**3), ("ns", 1)):
            if rest >= size:
                return f"{sign}{_decimal(rest, size)}{unit}"
        return "0s"
    minutes, rest = divmod(rest, 60 * _SECOND)
    seconds = f"{_decimal(rest, _SECOND)}s"
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{sign}{hours}h{minutes}m{seconds}"
    return f"{sign}{minutes}m{seconds}" if minutes else sign + seconds


def _decimal(amount: int, unit: int) -> str:
    whole, part = divmod(amount, unit)
    digits = str(part).rjust(len(str(unit)) - 1, "0").rstrip("0") if part else ""
    return f"{whole}.{digits}" if digits else str(whole)


def duration_method(nanoseconds: int, name: str) -> object:
    """What a duration's method without arguments returns.

    Raises:
        KeyError: there is no such method.
    """
    value = int(nanoseconds)
    if name == "String":
        return duration_text(value)
    if name in ("Hours", "Minutes", "Seconds"):
        return value / ({"Hours": 3600, "Minutes": 60, "Seconds": 1}[name] * _SECOND)
    # Go's whole-number division leans towards zero.
    size = {"Milliseconds": 10**6, "Microseconds": 10**3, "Nanoseconds": 1}[name]
    return abs(value) // size * (-1 if value < 0 else 1)
