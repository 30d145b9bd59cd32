"""Which of a log's lines are of a span of time: told from the times as conmon writes them, without parsing each."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

_FRACTION = 29  # where the zone begins in `2026-11-24T02:53:30.412844704+00:00`
_BILLION = 10**9


class LogBounds:
    """A span of time; both ends belong to it.

    Args:
        since: its beginning, nanoseconds since the epoch; None for any.
        until: its end; None for any.
    """

    def __init__(self, since: int | None, until: int | None) -> None:
        self._since = since
        self._until = until
        self._zone = b""
        self._first = self._last = b""

    def where(self, moment: bytes) -> int:
        """-1 for a line before the span, 0 for one in it, 1 for one after it.

        Args:
            moment: the line's time, as conmon writes it: all of one zone are as long, and sort as texts.
        """
        zone = moment[_FRACTION:]
        if zone != self._zone:
            self._first = b"" if self._since is None else _text(self._since, zone)
            self._last = b":" if self._until is None else _text(self._until, zone)  # behind all digits
            self._zone = zone
        if moment < self._first:
            return -1
        return 1 if moment > self._last else 0


def _text(nanoseconds: int, zone: bytes) -> bytes:
    """A moment as conmon writes it in this zone: `+01:00`."""
    sign = -1 if zone[:1] == b"-" else 1
    hours, _, minutes = zone[1:].partition(b":")
    own = timezone(sign * timedelta(hours=int(hours or 0), minutes=int(minutes or 0)))
    try:
        moment = datetime.fromtimestamp(nanoseconds // _BILLION, own)
    except (OverflowError, ValueError):  # beyond any line
        return b":" if nanoseconds > 0 else b""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds % _BILLION:09d}".encode() + zone
