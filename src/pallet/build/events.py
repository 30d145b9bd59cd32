"""What a build reports while it works: steps that begin, print, and end; from several threads at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Literal, TypeAlias

import msgspec

from pallet.progress import Event

Kind = Literal["started", "log", "cached", "done", "failed", "canceled"]


class BuildEvent(msgspec.Struct, frozen=True):
    """One report.

    Attributes:
        step: the number of the step, from 1, in the order in which steps begin.
        name: what the step is: `[stage-1 2/4] RUN make`.
        kind: `started`; `log`: it printed; `cached`: its result was in the cache; `done`, `failed`, `canceled`.
        seconds: since the step began.
        text: what it printed (whole lines, but for the last piece), or why it failed.
    """

    step: int
    name: str
    kind: Kind
    seconds: float
    text: str = ""


_MOST_TOLD = 1_000

Listener: TypeAlias = Callable[[BuildEvent], None]
"""Whoever listens; called by one thread at a time."""


def deaf(event: BuildEvent) -> None:
    """A listener that does not listen."""


class Journal:
    """Numbers steps, and lets the listener hear one event at a time.

    Args:
        listener: whoever listens.

    Attributes:
        told: all that was told, but for times; None if it is much.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._lock = Lock()
        self._count = 0
        self.told: list[BuildEvent] | None = []

    def step(self, name: str) -> Step:
        """Begin a step."""
        with self._lock:
            self._count += 1
            number = self._count
        step = Step(self, number, name)
        step.report("started")
        return step

    def tell(self, event: BuildEvent) -> None:
        """Pass an event on."""
        with self._lock:
            if self.told is not None:
                self.told.append(msgspec.structs.replace(event, seconds=0.0))
                if len(self.told) > _MOST_TOLD:
                    self.told = None
            self._listener(event)


class Step:
    """One step of a build, as whoever listens sees it; see `Journal.step`. As a context it ends itself."""

    def __init__(self, journal: Journal, number: int, name: str) -> None:
        self._journal = journal
        self._begun = time.monotonic()
        self._ended = False
        self.number = number
        self.name = name

    def report(self, kind: Kind, text: str = "") -> None:
        """Report something."""
        event = BuildEvent(self.number, self.name, kind, time.monotonic() - self._begun, text)
        self._journal.tell(event)

    def log(self, text: str) -> None:
        """Report what it printed."""
        self.report("log", text)

    def done(self) -> None:
        """It is done; a second end does nothing."""
        self._end("done")

    def cached(self) -> None:
        """Its result was in the cache."""
        self._end("cached")

    def failed(self, why: str) -> None:
        """It failed."""
        self._end("failed", why)

    def canceled(self) -> None:
        """It was stopped because something else failed."""
        self._end("canceled")

    def progress(self, event: Event) -> None:
        """Take an operation's progress (a pull's) as printed lines; moves of bars are passed over."""
        if event.current is None:
            self.log((f"{event.id}: " if event.id else "") + event.status + "\n")

    def _end(self, kind: Kind, text: str = "") -> None:
        if not self._ended:
            self._ended = True
            self.report(kind, text)

    def __enter__(self) -> Step:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None:
            self.done()
        elif isinstance(error, Canceled):
            self.canceled()
        else:
            self.failed(str(error))


class Canceled(BaseException):
    """Another part of the build failed: this one need not go on. Never leaves the builder."""


class Cancel:
    """Tells the threads of a build to stop, and stops what they wait for."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._on = False
        self._stops: dict[int, Callable[[], None]] = {}
        self._next = 0

    def set(self) -> None:
        """Stop everything; again does nothing."""
        with self._lock:
            self._on = True
            stops, self._stops = list(self._stops.values()), {}
        for stop in stops:
            stop()

    def check(self) -> None:
        """Go on, or stop here.

        Raises:
            Canceled: it is time to stop.
        """
        if self._on:
            raise Canceled

    def register(self, stop: Callable[[], None]) -> int:
        """Have something called when it is time to stop; at once if it is already. Gives a handle."""
        with self._lock:
            if not self._on:
                self._next += 1
                self._stops[self._next] = stop
                return self._next
        stop()
        return 0

    def unregister(self, handle: int) -> None:
        """Forget what `register` was given."""
        with self._lock:
            self._stops.pop(handle, None)
