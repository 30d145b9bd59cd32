"""Sizes and durations as docker 20.10 prints and reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pallet.errors import InvalidInput
from pallet.units import bytes_size, human_duration, human_size, parse_size


@pytest.mark.parametrize(
    ("size", "listed", "long", "binary"),
    [
        (0, "0B", "0B", "0B"),
        (1, "1B", "1B", "1B"),
        (999, "999B", "999B", "999B"),
        (1000, "1kB", "1kB", "1000B"),
        (1024, "1.02kB", "1.024kB", "1KiB"),
        (1_234_567, "1.23MB", "1.235MB", "1.177MiB"),
        # `docker image ls` shows this size as 199MB, its virtual size as 198.9MB.
        (198_898_724, "199MB", "198.9MB", "189.7MiB"),
        # %g turns to exponent form when rounding reaches the next power of ten.
        (999_900_000, "1e+03MB", "999.9MB", "953.6MiB"),
        (10**12, "1TB", "1TB", "931.3GiB"),
        (10**27, "1e+03YB", "1000YB", "827.2YiB"),
    ],
)
def test_sizes(size: int, listed: str, long: str, binary: str) -> None:
    assert (human_size(size), human_size(size, 4), bytes_size(size)) == (listed, long, binary)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "Less than a second"),
        (0.99, "Less than a second"),
        (1, "1 second"),
        (1.99, "1 second"),
        (2, "2 seconds"),
        (59.9, "59 seconds"),
        (60, "About a minute"),
        (119, "About a minute"),
        (120, "2 minutes"),
        (3599, "59 minutes"),
        (3600, "About an hour"),
        (5399, "About an hour"),
        (5400, "2 hours"),
        (47 * 3600, "47 hours"),
        (48 * 3600, "2 days"),
        (13 * 86400, "13 days"),
        (14 * 86400, "2 weeks"),
        (59 * 86400, "8 weeks"),
        (60 * 86400, "2 months"),
        (729 * 86400, "24 months"),
        (730 * 86400, "2 years"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert human_duration(seconds) == words


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("42", 42),
        ("1k", 1 << 10),
        ("1K", 1 << 10),
        ("1kb", 1 << 10),
        ("1KiB", 1 << 10),
        ("1ib", 1),
        ("512m", 512 << 20),
        ("1.5g", 3 << 29),
        ("1 gb", 1 << 30),
        ("2t", 2 << 40),
        ("1p", 1 << 50),
    ],
)
def test_sizes_read_as_docker_run_memory_does(text: str, size: int) -> None:
    assert parse_size(text) == size


def test_decimal_units() -> None:
    assert parse_size("1.5kB", binary=False) == 1500


# Each was given to `docker run --memory`, which refused it in these words.
@pytest.mark.parametrize("text", ["", "1z", "1..2", ".5", "1.", "-1", "1gbx", "1  g", "5bi", "k", " 1"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_size(text)
    assert caught.value.message == f"invalid size: '{text}'"


def test_two_points_fail_in_the_number() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_size("1.2.3g")
    assert caught.value.message == 'strconv.ParseFloat: parsing "1.2.3": invalid syntax'


@given(st.integers(0, 10**15))
def test_whole_numbers_read_back(size: int) -> None:
    assert parse_size(str(size)) == size


@given(st.text(max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        size = parse_size(text)
    except InvalidInput as error:
        assert error.message
    else:
        assert size >= 0
