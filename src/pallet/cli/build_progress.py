"""Draws a build: BuildKit's plain lines, or a live view of the steps on a terminal.

Source: what docker's buildx prints with `--progress plain` and `tty`.
"""

from __future__ import annotations

import os
import time
from collections import deque
from threading import Event as Flag
from threading import Lock, Thread

from pallet.units import human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from pallet.build.events import BuildEvent, Status
    from pallet.cli.build_rawjson import RawPrinter

_TAIL = 10  # lines of a failed step that are shown again
_LIVE_LOG = 6  # lines of a running step in the live view
_SHOWN = 0.01  # seconds; parts that took less have no time
_PAUSE = 0.1  # seconds between two drawings


class PlainPrinter:
    """`#5 [2/3] RUN make`, then what it prints, then `#5 DONE 0.3s`.

    Args:
        stream: where to print.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last = 0
        self._tails: dict[int, deque[str]] = {}
        self._warnings: list[str] = []
        self.failed: BuildEvent | None = None

    def __call__(self, event: BuildEvent) -> None:
        """Print an event."""
        number = event.step
        if event.kind == "started":
            self._begin(number)
            self._print(f"#{number} {event.name}")
            return
        if number != self._last:
            self._begin(number)
            self._print(f"#{number} ..." if event.kind == "log" else f"#{number} {event.name}")
        if event.kind == "warning":
            self._warnings.append(event.text)
            self._print(f"#{number} WARN: {event.text}")
        elif event.kind == "log":
            tail = self._tails.setdefault(number, deque(maxlen=_TAIL))
            for line in _lines(event.text):
                text = f"{event.seconds:.3f} {line}"
                tail.append(text)
                self._print(f"#{number} {text}")
        elif event.kind == "status":
            if event.status is not None and event.status.over:
                self._print(f"#{number} {_part(event.status)}")
        elif event.kind == "done":
            self._print(f"#{number} DONE {event.seconds:.1f}s\n")
        elif event.kind == "cached":
            self._print(f"#{number} CACHED\n")
        elif event.kind == "failed":
            self.failed = self.failed or event
            self._print(f"#{number} ERROR: {event.text}\n")
        else:
            self._print(f"#{number} CANCELED\n")

    def close(self) -> None:
        """There is nothing more to come."""
        self._stream.write(_summary(self._warnings))
        self._stream.flush()

    def report(self) -> str:
        """The failed step with the last lines that it printed, framed; empty if none failed."""
        return framed(self.failed, self._tails)

    def _begin(self, number: int) -> None:
        self._last = number

    def _print(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()


class LivePrinter:
    """The steps with their times, those that run with the last of what they print.

    Args:
        stream: the terminal.
        width: its columns.
        height: its rows.
    """

    def __init__(self, stream: TextIO, width: int, height: int) -> None:
        self._stream = stream
        self._width = width
        self._height = max(height, 5)
        self._lock = Lock()
        self._steps: dict[int, _Row] = {}
        self._tails: dict[int, deque[str]] = {}
        self._warnings: list[str] = []
        self._drawn = 0
        self._begun = time.monotonic()
        self._over = Flag()
        self.failed: BuildEvent | None = None
        self._thread = Thread(target=self._refresh, name="progress", daemon=True)
        self._thread.start()

    def __call__(self, event: BuildEvent) -> None:
        """Take note of an event; it is drawn soon."""
        with self._lock:
            row = self._steps.setdefault(event.step, _Row(event.name, time.monotonic() - event.seconds))
            if event.kind == "log":
                tail = self._tails.setdefault(event.step, deque(maxlen=_TAIL))
                tail.extend(f"{event.seconds:.3f} {line}" for line in _lines(event.text))
            elif event.kind == "warning":
                self._warnings.append(event.text)
            elif event.status is not None:
                row.parts[event.status.id] = event.status
            elif event.kind != "started":
                row.kind, row.seconds = event.kind, event.seconds
            if event.kind == "failed" and self.failed is None:
                self.failed = event

    def close(self) -> None:
        """Draw the last state."""
        if not self._over.is_set():
            self._over.set()
            self._thread.join()
            with self._lock:
                self._draw(final=True)
                self._stream.write("\n" * bool(self._warnings) + _summary(self._warnings))
                self._stream.flush()

    def report(self) -> str:
        """As `PlainPrinter.report`."""
        return framed(self.failed, self._tails)

    def _refresh(self) -> None:
        while not self._over.wait(_PAUSE):
            with self._lock:
                self._draw(final=False)

    def _draw(self, *, final: bool) -> None:
        done = sum(bool(row.kind) for row in self._steps.values())
        elapsed = time.monotonic() - self._begun
        state = "FINISHED" if final else ""
        lines = [f"[+] Building {elapsed:.1f}s ({done}/{len(self._steps)}) {state}".rstrip()]
        for number, row in self._steps.items():
            seconds = row.seconds if row.kind else time.monotonic() - row.begun
            word = {"cached": "CACHED ", "failed": "ERROR ", "canceled": "CANCELED "}.get(row.kind, "")
            head = f" => {word}{row.name}"
            clock = f"{seconds:.1f}s"
            room = self._width - len(clock) - 2
            lines.append(f"{head[:room]:<{room}} {clock}")
            lines += [f" => => {_part(part)}"[: self._width - 1] for part in row.parts.values()]
            if not row.kind:
                lines += [
                    f" => => # {line}"[: self._width - 1] for line in list(self._tails.get(number, ()))[-_LIVE_LOG:]
                ]
        if not final and len(lines) >= self._height:
            lines = [lines[0], *lines[-(self._height - 2) :]]
        text = "".join("".join(c if c.isprintable() else " " for c in line) + "\x1b[K\n" for line in lines)
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        self._stream.write(f"{up}\r{text}\x1b[J")
        self._stream.flush()
        self._drawn = len(lines)


class _Row:
    __slots__ = ("begun", "kind", "name", "parts", "seconds")

    def __init__(self, name: str, begun: float) -> None:
        self.name = name
        self.begun = begun
        self.kind = ""
        self.parts: dict[str, Status] = {}
        self.seconds = 0.0


def framed(failed: BuildEvent | None, tails: dict[int, deque[str]]) -> str:
    """What BuildKit prints behind a failed build: the step, and the end of its output."""
    if failed is None:
        return ""
    lines = ["------", f" > {failed.name}:", *tails.get(failed.step, ()), "------"]
    return "\n".join(lines) + "\n"


def make_printer(stream: TextIO, mode: str) -> PlainPrinter | LivePrinter | RawPrinter:
    """The printer of a mode: `plain`, `tty`, `rawjson`, or `auto` for what the stream is."""
    if mode == "rawjson":
        from pallet.cli.build_rawjson import RawPrinter

        return RawPrinter(stream)
    if mode == "plain" or (mode == "auto" and not stream.isatty()):
        return PlainPrinter(stream)
    try:
        size = os.get_terminal_size(stream.fileno())
        return LivePrinter(stream, size.columns or 80, size.lines or 24)
    except (OSError, ValueError):
        return LivePrinter(stream, 80, 24)


def _summary(warnings: list[str]) -> str:
    """What the linter found, behind everything else."""
    if not warnings:
        return ""
    many = "1 warning" if len(warnings) == 1 else f"{len(warnings)} warnings"
    lines = "".join(f" - {text}\n" for text in warnings)
    return f" {many} found (use pallet build --check to expand):\n{lines}"


def _part(status: Status) -> str:
    """How far a part of a step is: `ID 1.2MB / 3.4MB 0.5s done`."""
    size = ""
    if status.total:
        size = f" {human_size(status.current)} / {human_size(status.total)}"
    elif status.current:
        size = f" {human_size(status.current)}"
    clock = f" {status.seconds:.1f}s" if status.seconds > _SHOWN else ""
    return f"{status.id}{size}{clock}{' done' if status.over else ''}"


def _lines(text: str) -> list[str]:
    """The lines of an output; of a line that a carriage return rewrote, what it ended as."""
    return [line.rstrip("\r").rpartition("\r")[2] for line in text.removesuffix("\n").split("\n")]
