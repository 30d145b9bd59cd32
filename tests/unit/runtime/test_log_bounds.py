"""Which lines of a log are of a span of time."""

from __future__ import annotations

import pytest

from pallet.runtime.log_bounds import LogBounds
from pallet.runtime.logs import parse_time

_LINES = [
    b"2026-11-24T02:53:30.412844704+00:00",
    b"2026-11-24T02:53:30.412844705+00:00",
    b"2026-11-24T03:53:31.000000000+01:00",
    b"2026-11-23T21:23:32.000000001-05:30",
    b"2026-11-25T00:00:00.000000000+14:00",
]


@pytest.mark.parametrize("since", [None, 0, -(10**18), 10**30, *map(parse_time, _LINES)])
@pytest.mark.parametrize("until", [None, 0, 10**30, *map(parse_time, _LINES)])
def test_as_by_the_parsed_times(since: int | None, until: int | None) -> None:
    bounds = LogBounds(since, until)
    for line in _LINES:
        moment = parse_time(line)
        before = since is not None and moment < since
        after = until is not None and moment > until
        assert bounds.where(line) == (-1 if before else 1 if after else 0)
