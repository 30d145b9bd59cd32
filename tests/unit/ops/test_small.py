"""Filters, patterns and times of the operations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pallet.errors import InvalidInput
from pallet.ops.filters import Filters, labels_match
from pallet.ops.glob import path_match
from pallet.ops.times import now_ns, parse_rfc3339, parse_until, rfc3339_nano


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("ubuntu", "ubuntu", True),
        ("ubu*", "ubuntu", True),
        ("*", "ubuntu", True),
        ("*", "me/app", False),
        ("*/*", "me/app", True),
        ("me/*", "me/app:1", True),
        ("u?untu", "ubuntu", True),
        ("u?untu", "u/untu", False),
        ("[a-z]*", "ubuntu", True),
        ("[^u]*", "ubuntu", False),
        (r"a\*b", "a*b", True),
        (r"a\*b", "axb", False),
        ("a.b", "axb", False),
    ],
)
def test_path_match(pattern: str, name: str, matches: bool) -> None:
    assert path_match(pattern, name) is matches


@pytest.mark.parametrize("pattern", ["[", "[a", "a\\", "[z-a]"])
def test_malformed_patterns(pattern: str) -> None:
    with pytest.raises(InvalidInput, match="syntax error in pattern"):
        path_match(pattern, "a")


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_pattern_matches_or_is_refused(pattern: str, name: str) -> None:
    try:
        path_match(pattern, name)
    except InvalidInput as error:
        assert error.message == "syntax error in pattern"


def test_filters() -> None:
    filters = Filters([("label", "a=b"), ("label", "c"), ("dangling", "true")], ("label", "dangling"))
    assert filters.get("label") == ["a=b", "c"]
    assert filters.flag("dangling") is True
    assert filters.flag("other") is None
    with pytest.raises(InvalidInput, match=r"Invalid filter 'x'"):
        Filters([("x", "y")], ("label",))
    with pytest.raises(InvalidInput, match=r"Invalid filter 'dangling=\[maybe\]'"):
        Filters([("dangling", "maybe")], ("dangling",)).flag("dangling")


def test_labels() -> None:
    assert labels_match({"a": "b"}, ["a", "a=b"])
    assert not labels_match({"a": "b"}, ["a=c"])
    assert not labels_match(None, ["a"])
    assert labels_match(None, [])


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0001-01-01T00:00:00Z"),
        (1_000_000_000, "1970-01-01T00:00:01Z"),
        (1_500_000_000, "1970-01-01T00:00:01.5Z"),
        (1_795_487_901_890_865_890, "2026-11-24T02:38:21.89086589Z"),
    ],
)
def test_times_as_go_prints_them(nanoseconds: int, text: str) -> None:
    assert rfc3339_nano(nanoseconds) == text
    assert parse_rfc3339(text) == nanoseconds


def test_time_zones() -> None:
    assert parse_rfc3339("1970-01-01T01:00:01.25+01:00") == 1_250_000_000
    with pytest.raises(InvalidInput):
        parse_rfc3339("yesterday")


@given(st.integers(1, 4 * 10**18))
def test_times_round_trip(nanoseconds: int) -> None:
    assert parse_rfc3339(rfc3339_nano(nanoseconds)) == nanoseconds


def test_until() -> None:
    assert parse_until("1000") == 1000 * 10**9
    assert abs(now_ns() - 3600 * 10**9 - parse_until("1h")) < 10**10
    assert parse_until("1970-01-02") == 86400 * 10**9
    assert parse_until("1970-01-01T00:00:05") == 5 * 10**9
    with pytest.raises(InvalidInput):
        parse_until("soon")
