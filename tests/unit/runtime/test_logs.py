"""conmon's log. The lines are as conmon 2.1.6 wrote them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pallet.runtime.logs import Entry, parse_entry, parse_time, read_at_once, read_log

_T = "2026-11-24T02:53:30.412844704+00:00"


def _log(tmp_path: Path, *lines: str) -> str:
    path = tmp_path / "log"
    path.write_text("".join(f"{_T} {line}\n" for line in lines))
    return str(path)


def _text(entries: object) -> str:
    return b"".join(entry.text for entry in entries).decode()  # type: ignore[attr-defined]


def test_entry() -> None:
    entry = parse_entry(f"{_T} stderr F two  words ".encode())
    assert entry == Entry(_T.encode(), "stderr", b"two  words \n", False)
    assert parse_entry(f"{_T} stdout P no end".encode()) == Entry(_T.encode(), "stdout", b"no end", True)
    assert parse_entry(f"{_T} stdout F ".encode()) == Entry(_T.encode(), "stdout", b"\n", False)


@pytest.mark.parametrize("line", ["", "x", f"{_T} stdout", f"{_T} stdin F a", f"{_T} stdout X a"])
def test_what_is_no_entry(line: str) -> None:
    assert parse_entry(line.encode()) is None


def test_time() -> None:
    assert parse_time(b"1970-01-01T00:00:01.5+00:00") == 1_500_000_000
    assert parse_time(b"1970-01-01T01:00:01.000000007+01:00") == 1_000_000_007


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        (None, "one\ntwo\nthree"),
        (0, ""),
        (1, "three"),
        (2, "two\nthree"),
        (3, "one\ntwo\nthree"),
        (9, "one\ntwo\nthree"),
    ],
)
def test_tail(tmp_path: Path, tail: int | None, expected: str) -> None:
    assert _text(read_log(_log(tmp_path, "stdout F one", "stderr F two", "stdout P three"), tail=tail)) == expected


def test_tail_counts_lines_not_entries(tmp_path: Path) -> None:
    path = _log(tmp_path, "stdout F a", "stdout P long", "stdout P er", "stdout F est", "stdout F z")
    assert _text(read_log(path, tail=2)) == "longerest\nz\n"


def test_tail_of_a_log_of_many_chunks(tmp_path: Path) -> None:
    path = _log(tmp_path, *(f"stdout F {number:060}" for number in range(5000)))
    assert _text(read_log(path, tail=1500)) == "".join(f"{number:060}\n" for number in range(3500, 5000))


def test_following_sees_what_is_written_before_the_end(tmp_path: Path) -> None:
    path = Path(_log(tmp_path, "stdout F one"))
    asked = 0

    def ended() -> bool:
        nonlocal asked
        asked += 1
        if asked == 2:
            with path.open("a") as file:
                file.write(f"{_T} stdout F two\n")
        return asked >= 2

    assert _text(read_log(str(path), ended=ended)) == "one\ntwo\n"


def test_a_missing_log_is_empty(tmp_path: Path) -> None:
    assert list(read_log(str(tmp_path / "none"))) == []


def test_what_was_read_at_once_is_taken_together() -> None:
    later = _T.replace("30.4", "30.5")
    lines = [
        f"{_T} stdout F a",
        f"{_T} stdout F ",
        f"{_T} stdout F  b c",
        f"{_T} stdout P d",
        "torn",
        f"{_T} stderr F e",
    ]
    found = list(read_at_once([line.encode() for line in (*lines, f"{later} stderr F f")]))
    time = _T.encode()
    assert found == [
        (time, b"stdout", b"F", [b"a", b"", b" b c"]),
        (time, b"stdout", b"P", [b"d"]),
        (time, b"stderr", b"F", [b"e"]),
        (later.encode(), b"stderr", b"F", [b"f"]),
    ]
