"""The supervisor of one container: its health checks, its log's rotation, its restarts; it ends with its container.

It is started together with the container, and by whoever notices that it is missing. It takes a lock for its life and
looks before it acts, so that a second one does no harm.
"""

from __future__ import annotations

import os
import select
import time

import msgspec

from pallet.engine import Engine
from pallet.errors import NoSuchContainer, PalletError, RuntimeFailed
from pallet.host.files import unlink_if_there
from pallet.host.locks import FileLock, lock, try_lock
from pallet.host.process import open_process, start_time
from pallet.ops.container_settle import settle_container
from pallet.ops.container_start import start_locked
from pallet.ops.container_state import current
from pallet.ops.health import Checker
from pallet.ops.log_options import Rotation, rotation
from pallet.ops.supervision import has_check, needs_supervisor, wants_restart
from pallet.ops.times import now_ns
from pallet.runtime.log_files import rotate
from pallet.runtime.paths import ContainerPaths
from pallet.store.container_record import ContainerRecord
from pallet.store.containers import Brief

_SECOND = 10**9
_FIRST_PAUSE = 0.1  # seconds before the first restart; twice as long before each that follows
_LONGEST_PAUSE = 60.0
_GOOD_RUN = 10 * _SECOND  # a run that lasted so long is no failure to start
_ATTEMPTS = 5  # to start it, where it is not its program that cannot be run
_LOOK = 0.1  # seconds between looks at whether a restart is still wanted
_UNTRIED = 1.0  # seconds for another supervisor to end
_READERS = 0.5  # seconds for those who wait for the exit code
_DYING = 0.05  # seconds from the end of the container's processes to that of its first one
_LOG_LOOKS = (0.005, 0.5)  # shortest and longest time between looks at the log's size


def supervise(engine: Engine, id: str) -> None:
    """Watch a container to its end; returns at once if it has a supervisor, or needs none.

    Args:
        engine: whose store.
        id: the full id.
    """
    paths = ContainerPaths(engine.settings, id)
    held = _register(paths)
    if held is None:
        return
    with held:
        try:
            _Supervisor(engine, paths).run()
        except NoSuchContainer:
            unlink_if_there(paths.supervisor)


def _register(paths: ContainerPaths) -> FileLock | None:
    """Take the lock and write who we are; None if another has it."""
    end = time.monotonic() + _UNTRIED
    while True:
        held = try_lock(paths.supervisor)
        if held is not None:
            # It may have been removed between opening and locking.
            try:
                if os.path.samestat(os.fstat(held.fd), os.stat(paths.supervisor)):
                    os.ftruncate(held.fd, 0)
                    os.pwrite(held.fd, b"%d %d" % (os.getpid(), start_time(os.getpid())), 0)
                    return held
            except FileNotFoundError:
                pass
            held.release()
        if time.monotonic() > end:
            return None
        time.sleep(0.02)


class _Supervisor:
    def __init__(self, engine: Engine, paths: ContainerPaths) -> None:
        self._engine = engine
        self._paths = paths
        self._id = paths.id
        self._pause = _FIRST_PAUSE
        self._failures = 0

    def run(self) -> None:
        while True:
            # With the lock nobody is starting it, so what is seen is what is.
            with lock(self._paths.lock):
                brief, now = current(self._engine, self._id)
                record = self._engine.store.containers.find(self._id)
            if now.running:
                self._watch(record, brief)
            if now.running or not now.recorded:
                # Recorded before anything is decided on it, also where it ended before it could be watched. A `run` in
                # the foreground settles it, and reads its exit code first.
                with lock(self._paths.attended):
                    settle_container(self._engine, self._id)
                self._pause = min(self._pause * 2, _LONGEST_PAUSE) if self._failed_soon() else _FIRST_PAUSE
            if not self._restarted():
                return

    def _failed_soon(self) -> bool:
        state = self._engine.store.containers.state(self._id)
        return state.restarts > 0 and state.finished - state.started < _GOOD_RUN

    def _watch(self, record: ContainerRecord, brief: Brief) -> None:
        """See to a run of the container until it has ended."""
        checker = None
        if has_check(record.config.healthcheck):
            checker = Checker(self._engine, record, brief.started)
        log = _Log(self._paths, rotation(record.host.log_driver, record.host.log_options))
        process, monitor = open_process(brief.pid, brief.pid_start), open_process(brief.conmon, brief.conmon_start)
        try:
            while process >= 0 or monitor >= 0:
                wanted = [fd for fd in (process, monitor, checker.pidfd if checker else -1) if fd >= 0]
                dues = [due for due in (checker.due if checker else None, log.due) if due is not None]
                ready = _wait(wanted, min(dues) if dues else None)
                if checker is not None and checker.pidfd in ready and _wait([process], time.monotonic() + _DYING):
                    _close(checker)  # it was killed together with the container, and says nothing about it
                    checker = None
                if checker is not None:
                    paused = current(self._engine, self._id)[1].name == "paused"
                    checker.step(ended=checker.pidfd in ready, paused=paused)
                log.step()
                if process in ready:
                    os.close(process)
                    process = -1
                if monitor in ready:
                    os.close(monitor)
                    monitor = -1
                if process < 0 and monitor >= 0:
                    # conmon writes the exit code and ends; with its exit command it may take its time.
                    _close(checker)
                    checker = None
        finally:
            _close(checker)
            for fd in (process, monitor):
                if fd >= 0:
                    os.close(fd)

    def _restarted(self) -> bool:
        """Start the container again if that is wanted, after a pause; False if this supervisor has nothing more to do.

        It gives up under the container's lock: whoever starts the container by then starts another supervisor.
        """
        containers = self._engine.store.containers
        with lock(self._paths.lock):
            _, now = current(self._engine, self._id)
            record, state = containers.find(self._id), containers.state(self._id)
            if now.running:
                return needs_supervisor(record) or self._gives_up()
            if not wants_restart(record, state):
                return self._gives_up()
            at = now_ns() + int(self._pause * _SECOND)
            containers.set_state(self._id, msgspec.structs.replace(state, restart_at=at))
        while now_ns() < at:
            time.sleep(min(_LOOK, max(0.0, (at - now_ns()) / _SECOND)))
            if containers.state(self._id).restart_at != at:
                break
        self._wait_for_readers()
        with lock(self._paths.lock):
            _, now = current(self._engine, self._id)
            record, state = containers.find(self._id), containers.state(self._id)
            if now.running:
                return True
            if state.restart_at != at or not wants_restart(record, state):
                return self._gives_up()
            try:
                start_locked(self._engine, record, again=True)
            except PalletError as error:  # noted as the container's error
                self._failures += 1
                if isinstance(error, RuntimeFailed) or self._failures == _ATTEMPTS:
                    return self._gives_up()
                # What somebody who was killed has left behind may still be going.
                self._pause = min(self._pause * 2, _LONGEST_PAUSE)
            else:
                self._failures = 0
            return True

    def _gives_up(self) -> bool:
        unlink_if_there(self._paths.supervisor)
        return False

    def _wait_for_readers(self) -> None:
        end = time.monotonic() + _READERS
        while time.monotonic() < end:
            held = try_lock(self._paths.wait)
            if held is not None:
                held.release()
                return
            time.sleep(0.005)


class _Log:
    """The log's size, looked at as often as it grows."""

    def __init__(self, paths: ContainerPaths, how: Rotation) -> None:
        self._paths = paths
        self._how = how
        self._size = 0
        self._looked = time.monotonic()
        self.due: float | None = self._looked if how.size and how.files > 1 else None

    def step(self) -> None:
        """Rotate the log if it is time to."""
        moment = time.monotonic()
        if self.due is None or moment < self.due:
            return
        try:
            size = os.stat(self._paths.log).st_size
            if size >= self._how.size:
                rotate(self._paths, self._how.files, compress=self._how.compress)
                size = 0
        except FileNotFoundError:
            rotate(self._paths, self._how.files, compress=self._how.compress)  # one that broke off is finished
            size = 0
        except OSError:
            size = self._size  # a full disk: the log goes on as it is
        grown, passed = max(size - self._size, 0), max(moment - self._looked, 1e-3)
        left = (self._how.size - size) / (grown / passed) if grown else _LOG_LOOKS[1]
        self._size, self._looked = size, moment
        self.due = moment + min(max(left / 2, _LOG_LOOKS[0]), _LOG_LOOKS[1])


def _close(checker: Checker | None) -> None:
    if checker is not None:
        checker.close()


def _wait(fds: list[int], due: float | None) -> list[int]:
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    timeout = None if due is None else max(0, int((due - time.monotonic()) * 1000) + 1)
    return [fd for fd, _ in poll.poll(timeout)]
