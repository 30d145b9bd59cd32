"""What a build reports while it works: steps that begin, print, and end; from several threads at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Literal, TypeAlias

import msgspec

from pallet.progress import Event

Kind = Literal["started", "log", "status", "warning", "cached", "done", "failed", "canceled"]


class Status(msgspec.Struct, frozen=True):
    """How far a part of a step is.

    Attributes:
        id: what the part is called: `exporting layers`, the short digest of a layer.
        doing: what is done with it now, or "".
        current, total: bytes; 0 where they are not known.
        seconds: since it began.
        over: whether it is done.
    """

    id: str
    doing: str = ""
    current: int = 0
    total: int = 0
    seconds: float = 0.0
    over: bool = False


class Warning(msgspec.Struct, frozen=True):
    """What the linter found: a rule's explanation, and the lines at fault in a file."""

    address: str
    file: str
    lines: tuple[int, int]


class BuildEvent(msgspec.Struct, frozen=True):
    """One report.

    Attributes:
        step: the number of the step, from 1, in the order in which steps begin.
        name: what the step is: `[stage-1 2/4] RUN make`.
        kind: `started`; `log`: it printed; `status`: a part of it went on; `warning`: the linter found something;
            `cached`: its result was in the cache; `done`, `failed`, `canceled`.
        seconds: since the step began.
        text: what it printed (whole lines, but for the last piece), what was found, or why it failed.
        status: of what part, how far.
        inputs: of a step that begins: the numbers of the steps whose results it takes.
        warning: what more there is to a finding.
    """

    step: int
    name: str
    kind: Kind
    seconds: float
    text: str = ""
    status: Status | None = None
    inputs: tuple[int, ...] = ()
    warning: Warning | None = None

    def timeless(self) -> BuildEvent:
        """The same, as if it had taken no time."""
        status = self.status and msgspec.structs.replace(self.status, seconds=0.0)
        return msgspec.structs.replace(self, seconds=0.0, status=status)


_MOST_TOLD = 1_000
_FIRST = "Pulling fs layer"
_OVER = ("Pull complete", "Already exists")

Listener: TypeAlias = Callable[[BuildEvent], None]
"""Whoever listens; called by one thread at a time."""


def deaf(event: BuildEvent) -> None:
    """A listener that does not listen."""


class Journal:
    """Numbers steps, and lets the listener hear one event at a time.

    Args:
        listener: whoever listens.

    Attributes:
        told: all that was told; None if it is much.
        heard: whether anybody listens.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._lock = Lock()
        self._count = 0
        self.heard = listener is not deaf
        self.told: list[BuildEvent] | None = []

    def step(self, name: str, inputs: Iterable[int] = ()) -> Step:
        """Begin a step; `inputs` are the numbers of those whose results it takes."""
        with self._lock:
            self._count += 1
            number = self._count
        step = Step(self, number, name)
        self.tell(BuildEvent(number, name, "started", 0.0, inputs=tuple(inputs)))
        return step

    def tell(self, event: BuildEvent) -> None:
        """Pass an event on."""
        with self._lock:
            if self.told is not None:
                self.told.append(event)
                if len(self.told) > _MOST_TOLD:
                    self.told = None
            self._listener(event)


class Step:
    """One step of a build, as whoever listens sees it; see `Journal.step`. As a context it ends itself."""

    def __init__(self, journal: Journal, number: int, name: str) -> None:
        self._journal = journal
        self._begun = time.monotonic()
        self._ended = False
        self._parts: dict[str, tuple[float, Status]] = {}  # when they began, and how far they are
        self.number = number
        self.name = name

    def report(self, kind: Kind, text: str = "") -> None:
        """Report something."""
        event = BuildEvent(self.number, self.name, kind, time.monotonic() - self._begun, text)
        self._journal.tell(event)

    def log(self, text: str) -> None:
        """Report what it printed."""
        self.report("log", text)

    def warn(self, text: str, warning: Warning) -> None:
        """Report what the linter found."""
        now = time.monotonic() - self._begun
        self._journal.tell(BuildEvent(self.number, self.name, "warning", now, text, warning=warning))

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

    @contextmanager
    def part(self, id: str) -> Iterator[None]:
        """A part of the step, which is over when the context ends."""
        self._status(Status(id))
        yield
        self._status(Status(id, over=True))

    def did(self, id: str) -> None:
        """A part of the step is over that took no time."""
        self._status(Status(id, over=True))

    def progress(self, event: Event) -> None:
        """Take an operation's progress (a pull's): what goes on with its parts, and printed lines."""
        over = event.status in _OVER
        if event.current is not None:
            self._status(Status(event.id, event.status, event.current, event.total or 0))
        elif event.id and (over or event.id in self._parts or event.status == _FIRST):
            last = self._parts[event.id][1] if event.id in self._parts else Status(event.id)
            self._status(msgspec.structs.replace(last, doing=event.status, over=over))
        else:
            self.log((f"{event.id}: " if event.id else "") + event.status + "\n")

    def _status(self, status: Status) -> None:
        now = time.monotonic()
        begun = self._parts[status.id][0] if status.id in self._parts else now
        self._parts[status.id] = (begun, msgspec.structs.replace(status, seconds=now - begun))
        told = BuildEvent(self.number, self.name, "status", now - self._begun, status=self._parts[status.id][1])
        self._journal.tell(told)

    def _end(self, kind: Kind, text: str = "") -> None:
        if not self._ended:
            self._ended = True
            if kind == "done":
                for _, status in [part for part in self._parts.values() if not part[1].over]:
                    self._status(msgspec.structs.replace(status, over=True))
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
