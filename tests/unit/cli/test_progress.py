"""Progress as it is drawn: lines in a pipe as docker's, and what a terminal shows after each step."""

from __future__ import annotations

import io
import re
import signal
import sys
import threading
from collections.abc import Callable

import pexpect  # type: ignore[import-untyped]
import pytest

from pallet.cli.progress import ProgressPrinter
from pallet.progress import Event


class Screen(io.StringIO):
    """A terminal as far as it is used here: text, line ends, clearing a line, moving up and down."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.rows = [""]
        self.at = (0, 0)
        self.writes = 0

    def write(self, text: str, /) -> int:
        self.writes += 1
        row, column = self.at
        for piece in re.findall(r"\x1b\[\d*[A-Z]|\r|\n|[^\x1b\r\n]+", text):
            if piece == "\r":
                column = 0
            elif piece == "\n":
                row, column = row + 1, 0
                if row == len(self.rows):
                    self.rows.append("")
            elif piece.startswith("\x1b"):
                count = int(piece[2:-1] or "1")
                if piece.endswith("K"):
                    assert count == 2
                    self.rows[row] = ""
                else:
                    row += count if piece.endswith("B") else -count
                assert 0 <= row < len(self.rows), "the cursor left the screen"
            else:
                assert column + len(piece) < self.width, "the line wraps"
                self.rows[row] = self.rows[row][:column].ljust(column) + piece
                column += len(piece)
        self.at = (row, column)
        return len(text)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal:
    def __init__(self, width: int = 80, height: int = 40) -> None:
        self.screen = Screen(width)
        self.clock = Clock()
        self.printer = ProgressPrinter(self.screen, True, width, height=height, clock=self.clock)

    def after(self, seconds: float, *event: object) -> list[str]:
        self.clock.now += seconds
        self.printer(Event(*event))  # type: ignore[arg-type]
        return self.shown

    @property
    def shown(self) -> list[str]:
        assert self.screen.at == (len(self.screen.rows) - 1, 0), "the cursor must be below all that was drawn"
        return self.screen.rows[:-1]


def test_in_a_pipe_bars_are_left_out() -> None:
    # What docker 20.10 prints for such a pull into a pipe.
    out = io.StringIO()
    printer = ProgressPrinter(out, False, 80)
    for event in (
        Event("Pulling from library/debian", "min"),
        Event("Pulling fs layer", "07b40ecbb7ba"),
        Event("Downloading", "07b40ecbb7ba", 0, 1000),
        Event("Downloading", "07b40ecbb7ba", 1000, 1000),
        Event("Verifying Checksum", "07b40ecbb7ba"),
        Event("Download complete", "07b40ecbb7ba"),
        Event("Extracting", "07b40ecbb7ba", 500, 1000),
        Event("Pull complete", "07b40ecbb7ba"),
        Event("Digest: sha256:aa"),
    ):
        printer(event)
    printer.close()
    assert out.getvalue() == (
        "min: Pulling from library/debian\n"
        "07b40ecbb7ba: Pulling fs layer\n"
        "07b40ecbb7ba: Verifying Checksum\n"
        "07b40ecbb7ba: Download complete\n"
        "07b40ecbb7ba: Pull complete\n"
        "Digest: sha256:aa\n"
    )


def test_lines_reach_a_pipe_at_once() -> None:
    raw = io.BytesIO()
    printer = ProgressPrinter(io.TextIOWrapper(io.BufferedWriter(raw)), False, 80)
    printer(Event("Waiting", "a"))
    assert raw.getvalue() == b"a: Waiting\n"


def test_a_pull_on_80_columns() -> None:
    terminal = Terminal()
    terminal.after(0, "Pulling from library/debian", "min")
    terminal.after(0, "Pulling fs layer", "07b40ecbb7ba")
    terminal.after(0, "Pulling fs layer", "697460d39866")
    assert terminal.after(0, "Downloading", "07b40ecbb7ba", 0, 45_000_000) == [
        "min: Pulling from library/debian",
        "07b40ecbb7ba: Downloading [>                         ]       0B/45MB",
        "697460d39866: Pulling fs layer",
    ]
    assert terminal.after(1, "Downloading", "07b40ecbb7ba", 12_345_678, 45_000_000)[1:] == [
        "07b40ecbb7ba: Downloading [======>                   ]  12.35MB/45MB  12.35MB/s",
        "697460d39866: Pulling fs layer",
    ]
    assert terminal.after(1, "Download complete", "697460d39866")[2] == "697460d39866: Download complete"
    assert terminal.after(1, "Downloading", "07b40ecbb7ba", 45_000_000, 45_000_000)[1] == (
        "07b40ecbb7ba: Downloading [=========================>]     45MB/45MB     15MB/s"
    )
    terminal.after(0, "Pull complete", "07b40ecbb7ba")
    terminal.after(0, "Pull complete", "697460d39866")
    assert terminal.after(0, "Digest: sha256:aa") == [
        "min: Pulling from library/debian",
        "07b40ecbb7ba: Pull complete",
        "697460d39866: Pull complete",
        "Digest: sha256:aa",
    ]


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (200, "07b40ecbb7ba: Loading layer [" + "=" * 50 + ">]      138B/138B"),  # docker's, from 111 columns on
        (120, "07b40ecbb7ba: Loading layer [" + "=" * 50 + ">]      138B/138B"),
        (80, "07b40ecbb7ba: Loading layer [=======================>]      138B/138B"),
        (66, "07b40ecbb7ba: Loading layer      138B/138B"),
        (41, "07b40ecbb7ba: Loading layer     138B/138"),
        (20, "07b40ecbb7ba: Loadi"),
    ],
)
def test_bars_fit_the_terminal(width: int, line: str) -> None:
    shown = Terminal(width).after(0, "Loading layer", "07b40ecbb7ba", 138, 138)
    assert [" ".join(text.split()) for text in shown] == [" ".join(line.split())]


@pytest.mark.parametrize(
    ("current", "total", "shown"),
    [
        (5000, None, "a: Downloading      5kB"),
        (5000, 0, "a: Downloading      5kB"),
        (5001, 5000, "a: Downloading  5.001kB"),
        (0, None, "a: Downloading"),
        (0, 0, "a: Downloading"),
        (None, None, "a: Downloading"),
    ],
)
def test_totals_that_are_missing_or_wrong(current: int | None, total: int | None, shown: str) -> None:
    assert Terminal().after(0, "Downloading", "a", current, total) == [shown]


def test_a_line_without_an_id_closes_the_block() -> None:
    terminal = Terminal()
    terminal.after(0, "Already exists", "07b40ecbb7ba")
    terminal.after(0, "Digest: sha256:aa")
    assert terminal.after(0, "Already exists", "07b40ecbb7ba") == [
        "07b40ecbb7ba: Already exists",
        "Digest: sha256:aa",
        "07b40ecbb7ba: Already exists",
    ]


def test_a_bar_that_grows_is_drawn_ten_times_a_second_and_never_left_behind() -> None:
    terminal = Terminal()
    terminal.after(0, "Downloading", "a", 0, 1_000_000)
    before = terminal.screen.writes
    for step in range(1, 1000):
        terminal.after(0.001, "Downloading", "a", step * 500, 1_000_000)
    assert 8 <= terminal.screen.writes - before <= 10
    terminal.after(0.1, "Downloading", "a", 600_000, 1_000_000)
    terminal.after(0.001, "Downloading", "a", 700_000, 1_000_000)
    assert "700kB/1MB" not in terminal.shown[0]
    terminal.printer.close()
    assert "700kB/1MB" in terminal.shown[0]


def test_the_speed_is_that_of_the_last_seconds_and_of_new_bytes_only() -> None:
    terminal = Terminal()
    terminal.after(0, "Downloading", "a", 500_000_000, 1_000_000_000)  # a download that goes on
    for step in range(1, 50):
        shown = terminal.after(0.2, "Downloading", "a", 500_000_000 + step * 200_000, 1_000_000_000)
    assert shown[0].endswith("/1GB      1MB/s")
    for step in range(1, 50):
        shown = terminal.after(0.2, "Downloading", "a", 509_800_000 + step * 2_000_000, 1_000_000_000)
    assert shown[0].endswith("/1GB     10MB/s")
    assert not terminal.after(0.2, "Extracting", "a", 1, 1_000_000_000)[0].endswith("/s")


def test_lines_that_scrolled_away_are_left_alone() -> None:
    terminal = Terminal(height=5)
    for number in range(10):
        terminal.after(0, "Waiting", f"layer{number}")
    shown = terminal.after(0, "Pull complete", "layer5")
    assert shown[5] == "layer5: Waiting"
    assert terminal.after(0, "Pull complete", "layer6")[6] == "layer6: Pull complete"


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert Terminal().after(0, "bad \x1b[2J\n", "a") == ["a: bad ?[2J?"]


def test_events_from_several_threads() -> None:
    terminal = Terminal()

    def work(name: str) -> Callable[[], None]:
        def steps() -> None:
            for step in range(300):
                terminal.printer(Event("Downloading", name, step, 300))
            terminal.printer(Event("Pull complete", name))

        return steps

    threads = [threading.Thread(target=work(f"layer{number}")) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(terminal.shown) == [f"layer{number}: Pull complete" for number in range(4)]


PROGRAM = """
import sys, time
from pallet.cli.progress import ProgressPrinter
from pallet.progress import Event
printer = ProgressPrinter(sys.stdout, True, 60)
try:
    printer(Event("Downloading", "one", 1, 1000))
    printer(Event("Downloading", "two", 1, 1000))
    printer(Event("Waiting", "one"))
    printer(Event("Downloading", "two", 3, 1000))
    time.sleep(60)
finally:
    printer.close()
    print("the end")
"""


def test_an_interrupt_leaves_the_cursor_below_the_block() -> None:
    with pexpect.spawn(sys.executable, ["-c", PROGRAM], dimensions=(24, 60), encoding="utf-8") as child:
        output = child.logfile_read = io.StringIO()
        child.expect("one: Waiting")
        child.kill(signal.SIGINT)
        child.expect("KeyboardInterrupt")
    screen = Screen(60)
    screen.write(output.getvalue().partition("Traceback")[0])
    assert screen.rows == [
        "one: Waiting",
        "two: Downloading [>               ]       3B/1kB",
        "the end",
        "",
    ]
