"""Draws progress: docker's lines in a pipe, live bars with speed on a terminal.

What is printed, and when, is as in docker's client (moby, pkg/jsonmessage): in a pipe, bars are left out; on a
terminal, each id has a line that changes in place, until a line without an id closes the block. Unlike docker, bars
shrink with the terminal, lines are cut to its width, and the speed is shown.
"""

from __future__ import annotations

import os
from _thread import allocate_lock  # `threading` is slow to import, and its presence slows the process's end
from time import monotonic

from pallet.progress import Event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

_PAUSE = 0.1  # seconds between two drawings of a bar that only grew
_WINDOW = 3.0  # seconds over which speed is measured
_SOONEST = 0.5  # seconds before there is a speed to show
_WIDEST_BAR = 50
_NARROWEST_BAR = 10
_SPEED_ROOM = 11


class ProgressPrinter:
    """Draws events; call it with each of them, from any thread. Between calls the cursor is below all it drew."""

    def __init__(
        self,
        stream: TextIO,
        is_terminal: bool,
        width: int,
        *,
        height: int | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """
        Args:
            stream: where to draw.
            is_terminal: whether it understands cursor movement.
            width: the terminal's columns.
            height: its rows: lines that have scrolled out of them are left alone. None: ask the terminal.
            clock: the time in seconds.
        """
        self._stream = stream
        self._is_terminal = is_terminal
        self._width = width
        self._height = _rows(stream) if height is None and is_terminal else height or 0
        self._clock = clock
        self._lines: dict[str, _Line] = {}
        self._lock = allocate_lock()

    def __call__(self, event: Event) -> None:
        """Draw an event."""
        if not self._is_terminal:
            if event.current is None:
                with self._lock:
                    self._write((f"{event.id}: " if event.id else "") + event.status + "\n")
            return
        with self._lock:
            if event.id:
                self._update(event)
            else:
                self._finish_block()
                self._write(event.status + "\n")

    def close(self) -> None:
        """Draw what was held back. Nothing else is to be put right, whatever interrupted the operation."""
        with self._lock:
            self._finish_block()

    def _update(self, event: Event) -> None:
        now = self._clock()
        line = self._lines.get(event.id)
        if line is None:
            line = self._lines[event.id] = _Line(event, now, len(self._lines))
            self._write(self._text(line) + "\n")
            return
        if line.take(event, now):
            self._redraw(line, now)

    def _redraw(self, line: _Line, now: float) -> None:
        line.drawn, line.stale = now, False
        up = len(self._lines) - line.row
        if self._height and up >= self._height:
            return  # scrolled away: the cursor cannot get there
        self._write(f"\x1b[{up}A\x1b[2K\r{self._text(line)}\r\x1b[{up}B")

    def _finish_block(self) -> None:
        for line in self._lines.values():
            if line.stale:
                self._redraw(line, line.drawn)
        self._lines = {}

    def _text(self, line: _Line) -> str:
        head = f"{line.event.id}: {line.event.status}"
        measured = line.event.current or (line.event.current == 0 and line.event.total)
        text = f"{head} {self._bar(line, len(head) + 1)}" if measured else head
        # A line that wraps would be two, and all that is above would be drawn a line too low.
        return "".join(char if char.isprintable() else "?" for char in text[: max(self._width - 1, 1)])

    def _bar(self, line: _Line, used: int) -> str:
        from pallet.units import human_size

        current, total = line.event.current or 0, line.event.total or 0
        speed = line.speed
        rate = f"{human_size(round(speed), 4) + '/s':>{_SPEED_ROOM}}" if speed is not None else ""
        if current > total:  # the total is unknown, or wrong
            return f"{human_size(current, 4):>8}{rate}"
        counts = f"{human_size(current, 4):>8}/{human_size(total, 4)}"
        width = min(self._width - 1 - used - len("[>] ") - len(counts) - _SPEED_ROOM, _WIDEST_BAR)
        if width < _NARROWEST_BAR:
            return counts + rate
        done = current * width // total
        return f"[{'=' * done}>{' ' * (width - done)}] {counts}{rate}"

    def _write(self, text: str) -> None:
        # At once, so that an interrupt does not leave the cursor in the middle.
        self._stream.write(text)
        self._stream.flush()


class _Line:
    """One id's line: its row in the block, its last event, and what its speed is measured by."""

    __slots__ = ("_samples", "drawn", "event", "row", "stale")

    def __init__(self, event: Event, now: float, row: int) -> None:
        self.event = event
        self.row = row
        self.drawn = now
        self.stale = False
        self._samples = [(now, event.current or 0)]

    def take(self, event: Event, now: float) -> bool:
        """Put the event in the last one's place, and say whether it is time to draw it."""
        is_new = event.status != self.event.status
        if is_new:
            self._samples.clear()
        self.event = event
        self.stale = True
        samples = self._samples
        if len(samples) > 1 and now - samples[-2][0] < _PAUSE:
            samples[-1] = (now, event.current or 0)
        else:
            samples.append((now, event.current or 0))
        while len(samples) > 2 and now - samples[1][0] >= _WINDOW:
            del samples[0]
        return is_new or event.current is None or event.current == event.total or now - self.drawn >= _PAUSE

    @property
    def speed(self) -> float | None:
        """Bytes per second of late, if they can be told."""
        (start, before), (end, after) = self._samples[0], self._samples[-1]
        return (after - before) / (end - start) if end - start >= _SOONEST and after > before else None


def _rows(stream: TextIO) -> int:
    """The terminal's rows; 0 if it does not tell."""
    try:
        return os.get_terminal_size(stream.fileno()).lines
    except (OSError, ValueError):
        return 0
