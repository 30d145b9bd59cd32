"""Whether a container runs, read from the exit file and its processes; it is never stored.

Quick path: imports nothing but os and time.
"""

from __future__ import annotations

import os
import time

from pallet.host.cgroups import is_frozen
from pallet.host.process import alive
from pallet.runtime.hold import is_abandoned
from pallet.runtime.supervisor_file import is_supervised

_RUNTIMES = ("/crun", "/runc")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from pallet.runtime.paths import ContainerPaths

    class LastRun(Protocol):
        """What the store knows of the last run: a `ContainerState`, or what listing reads of it."""

        @property
        def started(self) -> int: ...
        @property
        def finished(self) -> int: ...
        @property
        def exit_code(self) -> int: ...
        @property
        def pid(self) -> int: ...
        @property
        def pid_start(self) -> int: ...
        @property
        def conmon(self) -> int: ...
        @property
        def conmon_start(self) -> int: ...
        @property
        def restart_at(self) -> int: ...


LOST = 255  # docker's exit code for a run whose end nobody saw, such as a reboot


class Status:
    """The state of a container at one moment.

    Attributes:
        name: docker's word: `created`, `running`, `paused`, `restarting`, `exited`.
        exit_code: of the last run, 0 before its end.
        finished: when it ended, in nanoseconds since the epoch, or 0.
        recorded: whether the store knows the end already.
    """

    __slots__ = ("exit_code", "finished", "name", "recorded")

    def __init__(self, name: str, exit_code: int = 0, finished: int = 0, *, recorded: bool = True) -> None:
        self.name = name
        self.exit_code = exit_code
        self.finished = finished
        self.recorded = recorded

    @property
    def running(self) -> bool:
        """Whether the container runs; a paused one does."""
        return self.name in ("running", "paused")


def status(paths: ContainerPaths, run: LastRun) -> Status:
    """The state of a container.

    Args:
        paths: its paths.
        run: what the store knows of its last run.
    """
    if run.finished >= run.started:
        if run.restart_at and is_supervised(paths):
            return Status("restarting", run.exit_code, run.finished)
        # A container that could not be started never ran; docker calls it created, with an exit code.
        return Status("exited" if run.started else "created", run.exit_code, run.finished)
    ended = read_exit(paths)
    if ended is not None:
        return Status("exited", ended[0], ended[1], recorded=False)
    # conmon alone may be alive between the container's end and its exit file; the container alone if conmon was killed.
    if alive(run.pid, run.pid_start) or alive(run.conmon, run.conmon_start):
        if not has_begun(paths, run.pid):
            # Nor was it by who began it, if that one was killed: how it was before is how it is.
            return Status("exited" if run.finished else "created", run.exit_code, run.finished, recorded=False)
        paused = run.pid and is_frozen(run.pid) and not is_abandoned(paths, run.pid)
        return Status("paused" if paused else "running")
    # It may have ended between the two looks. If not: killed together with conmon, or by a reboot.
    code, finished = read_exit(paths) or (LOST, time.time_ns())
    return Status("exited", code, finished, recorded=False)


def has_begun(paths: ContainerPaths, pid: int) -> bool:
    """Whether a created container was started: until then its first process is still the runtime's."""
    if not os.path.exists(paths.unbegun):
        return True
    try:
        program = os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return False
    # The runtime may run from a copy in memory, or from a mount of its own that is gone.
    known = (
        program in ("/", "") or program.startswith(("/memfd:", "/tmp/crun.")) or program.endswith(("/crun", "/runc"))
    )
    return not known


def read_exit(paths: ContainerPaths) -> tuple[int, int] | None:
    """The exit code that conmon left and its time in nanoseconds, or None if there is none (yet)."""
    try:
        with open(paths.exit_file, "rb") as file:
            return int(file.read()), os.fstat(file.fileno()).st_mtime_ns
    except FileNotFoundError:
        return None
