"""Health checks: when the next is due, running one, and what docker makes of the results.

Source: docker's documentation of HEALTHCHECK; moby, daemon/health.go (the rules and texts).
"""

from __future__ import annotations

import os
import time

import msgspec

from pallet.engine import Engine
from pallet.errors import Conflict, NoSuchContainer, PalletError
from pallet.oci.config import Healthcheck
from pallet.ops.container_exec import ExecOptions, begin_exec
from pallet.ops.exec_ends import record_exec_end
from pallet.ops.times import now_ns, rfc3339_nano
from pallet.runtime import health_file
from pallet.runtime.exec_process import ExecProcess
from pallet.runtime.paths import ContainerPaths
from pallet.store.container_record import ContainerRecord

_SECOND = 10**9
_INTERVAL = 30 * _SECOND
_TIMEOUT = 30 * _SECOND
_RETRIES = 3
_ENTRIES = 5  # how many results are kept
_OUTPUT = 4096  # bytes of output that are kept
_UNABLE = -1


class Result(msgspec.Struct, frozen=True, rename="pascal"):
    """One check, in docker's words."""

    start: str
    end: str
    exit_code: int
    output: str


class Health(msgspec.Struct, frozen=True, rename="pascal"):
    """docker's Health object."""

    status: str = health_file.STARTING
    failing_streak: int = 0
    log: tuple[Result, ...] = ()

    def after(self, result: Result, check: Healthcheck, since_start: int) -> Health:
        """The health after one more check.

        Args:
            result: what it found.
            check: the container's.
            since_start: nanoseconds from the start of the container to that of the check.
        """
        log = (*self.log, result)[-_ENTRIES:]
        if result.exit_code == 0:
            return Health("healthy", 0, log)
        if self.status == health_file.STARTING and since_start < check.start_period:
            return Health(self.status, self.failing_streak, log)
        streak = self.failing_streak + 1
        failed = streak >= (check.retries or _RETRIES)
        return Health(health_file.UNHEALTHY if failed else self.status, streak, log)


def read_health(paths: ContainerPaths) -> Health:
    """What was last written about a container."""
    raw = health_file.read_log(paths)
    try:
        return msgspec.json.decode(raw, type=Health) if raw else Health()
    except msgspec.MsgspecError:
        return Health()


class Checker:
    """The checks of one run of a container. All times are `time.monotonic` seconds.

    Args:
        engine: whose container.
        record: the container.
        started: when the run began, nanoseconds since the epoch.
    """

    def __init__(self, engine: Engine, record: ContainerRecord, started: int) -> None:
        assert record.config.healthcheck is not None
        self._engine = engine
        self._record = record
        self._started = started
        self._check = record.config.healthcheck
        self._paths = ContainerPaths(engine.settings, record.id)
        self._health = Health(log=read_health(self._paths).log)
        self._process: ExecProcess | None = None
        self._exec_id = ""
        self._output = -1
        self._began = 0
        self._due = time.monotonic() + self._interval
        self._late = False
        self._write()

    @property
    def _interval(self) -> float:
        return (self._check.interval or _INTERVAL) / _SECOND

    @property
    def _timeout(self) -> float:
        return (self._check.timeout or _TIMEOUT) / _SECOND

    @property
    def pidfd(self) -> int:
        """Polls readable when the check that runs has ended; -1 while none runs."""
        return -1 if self._process is None else self._process.pidfd

    @property
    def due(self) -> float:
        """When `step` wants to be called next, whatever happens."""
        return self._due

    def step(self, *, ended: bool, paused: bool) -> None:
        """Do what is due.

        Args:
            ended: whether the check that runs has ended.
            paused: whether the container is paused: then none is begun.
        """
        if self._process is not None:
            if ended:
                self._finish()
            elif time.monotonic() >= self._due and not self._late:
                self._late = True
                self._process.kill()
                self._due = time.monotonic() + self._timeout
        elif time.monotonic() >= self._due:
            if paused:
                self._due = time.monotonic() + self._interval
            else:
                self._begin()

    def close(self) -> None:
        """End the check that runs, if one does; its result does not count."""
        if self._process is not None:
            self._process.kill()
            self._process.leave()
            self._process = None
            os.close(self._output)

    def _begin(self) -> None:
        self._output = os.memfd_create("health")
        self._late, self._began = False, now_ns()
        nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        try:
            options = ExecOptions(self._words())
            streams = (nothing, self._output, self._output)
            self._process, self._exec_id = begin_exec(self._engine, self._record.id, options, streams)
            self._due = time.monotonic() + self._timeout
        except (Conflict, NoSuchContainer):  # it has just ended, or been paused
            os.close(self._output)
            self._due = time.monotonic() + self._interval
        except PalletError as error:
            os.close(self._output)
            self._note(_UNABLE, error.message)
        finally:
            os.close(nothing)

    def _words(self) -> tuple[str, ...]:
        kind, *words = self._check.test or ()
        if kind == "CMD-SHELL":
            return (*(self._record.config.shell or ("/bin/sh", "-c")), *words)
        return tuple(words) if kind == "CMD" else (kind, *words)

    def _finish(self) -> None:
        assert self._process is not None
        process, self._process = self._process, None
        try:
            code = process.wait(self._words()[0], "")
        except PalletError as error:
            code, said = _UNABLE, error.message
        else:
            said = _text(self._output)
            record_exec_end(self._engine, self._record.id, self._exec_id, code)
        os.close(self._output)
        if self._late:
            code, said = _UNABLE, f"Health check exceeded timeout ({_go_duration(self._check.timeout or _TIMEOUT)})"
        self._note(code, said)

    def _note(self, code: int, output: str) -> None:
        result = Result(rfc3339_nano(self._began), rfc3339_nano(now_ns()), code, output)
        before = self._health.status
        self._health = self._health.after(result, self._check, self._began - self._started)
        if self._health.status != before:
            self._engine.store.events.add_of_container(self._record.id, f"health_status: {self._health.status}")
        self._due = time.monotonic() + self._interval
        self._write()

    def _write(self) -> None:
        try:
            health_file.write(self._paths, self._health.status, self._started, msgspec.json.encode(self._health))
        except OSError:
            return  # the container is being removed, or the disk is full: the next result will say it again


def _text(fd: int) -> str:
    raw = os.pread(fd, _OUTPUT + 1, 0)
    return raw[:_OUTPUT].decode(errors="replace") + ("..." if len(raw) > _OUTPUT else "")


def _go_duration(nanoseconds: int) -> str:
    """A duration as Go writes it: `200ms`, `1.5s`, `1m30s`."""
    if nanoseconds < _SECOND:
        for size, unit in ((10**6, "ms"), (10**3, "µs")):
            if nanoseconds >= size:
                return f"{nanoseconds / size:.9g}{unit}"
        return f"{nanoseconds}ns"
    minutes, rest = divmod(nanoseconds, 60 * _SECOND)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{rest / _SECOND:.12g}s"
    return f"{hours}h{minutes}m{seconds}" if hours else f"{minutes}m{seconds}" if minutes else seconds
