"""`docker container stop`, `restart` and `kill`: signals to a container's first process."""

from __future__ import annotations

import signal
import time

from pallet.engine import Engine
from pallet.errors import Conflict, HostError, NoSuchContainer, NotFound
from pallet.host.locks import lock
from pallet.host.process import open_process
from pallet.ops.container_settle import settle_container, settle_locked
from pallet.ops.container_state import current, runtime_of
from pallet.ops.record_event import container_event
from pallet.ops.signals import signal_number
from pallet.runtime.paths import ContainerPaths
from pallet.store.container_record import ContainerRecord

_DEFAULT_TIMEOUT = 10
_AFTER_KILL = 10.0  # seconds for the kernel and conmon to finish
_PAUSE = 0.005


def stop_container(engine: Engine, name: str, *, timeout: int | None = None) -> None:
    """Ask a container to end, then make it; one that does not run is fine.

    Args:
        engine: whose store.
        name: its name, id or id prefix.
        timeout: seconds from asking to killing; None for the container's own, else 10; negative to wait for ever.

    Raises:
        NoSuchContainer: there is none.
        HostError: it cannot be killed.
    """
    record = engine.store.containers.find(name)
    _mark_stopped(engine, record)
    if current(engine, record.id)[1].running:
        _end(engine, record, timeout)
        settle_container(engine, record.id)
        container_event(engine, record, "stop")
        return
    settle_container(engine, record.id)


def _end(engine: Engine, record: ContainerRecord, timeout: int | None) -> None:
    brief, _ = current(engine, record.id)
    if timeout is None:
        timeout = _DEFAULT_TIMEOUT if record.config.stop_timeout is None else record.config.stop_timeout
    number = signal_number(record.config.stop_signal or "TERM")
    container_event(engine, record, "kill", {"signal": str(number)})
    send_signal(brief.pid, brief.pid_start, number)
    _thaw(engine, record)
    if not _ends_within(engine, record.id, timeout if timeout >= 0 else float("inf")):
        end_by_force(engine, record, signal.SIGKILL)


def restart_container(engine: Engine, name: str, *, timeout: int | None = None) -> None:
    """Stop a container, if it runs, and start it again.

    Args:
        engine: whose store.
        name: its name, id or id prefix.
        timeout: as for `stop_container`.

    Raises:
        NoSuchContainer: there is none.
        HostError: it cannot be killed, or not be started.
    """
    from pallet.ops.container_start import start_locked

    record = engine.store.containers.find(name)
    # With the lock nobody settles it between its end and its start, which would remove one that has --rm.
    with lock(ContainerPaths(engine.settings, record.id).lock):
        if current(engine, record.id)[1].running:
            _end(engine, record, timeout)
            settle_locked(engine, record)
            container_event(engine, record, "stop")
        try:
            start_locked(engine, engine.store.containers.find(record.id))
        except HostError as error:
            raise HostError(f"Cannot restart container {name}: {error.message}", hint=error.hint) from error
        container_event(engine, record, "restart")


def kill_container(engine: Engine, name: str, signal_name: str = "KILL") -> None:
    """Send a signal to a container's first process; an empty name is SIGKILL's, too.

    Raises:
        InvalidInput: no such signal.
        NotFound, Conflict: no such container, or it does not run; docker's text.
    """
    number = signal_number(signal_name or "KILL")
    try:
        record = engine.store.containers.find(name)
        brief, now = current(engine, record.id)
    except NoSuchContainer as error:
        raise NotFound(f"Cannot kill container: {name}: {error.message}") from error
    if not now.running:
        raise Conflict(f"Cannot kill container: {name}: Container {record.id} is not running")
    _mark_stopped(engine, record)
    if number == signal.SIGKILL:
        end_by_force(engine, record, number)
        settle_container(engine, record.id)
    else:
        container_event(engine, record, "kill", {"signal": str(number)})
        send_signal(brief.pid, brief.pid_start, number)
        _thaw(engine, record)


def _mark_stopped(engine: Engine, record: ContainerRecord) -> None:
    """Keep the container's supervisor from starting it again; with the lock it cannot be just doing that."""
    with lock(ContainerPaths(engine.settings, record.id).lock):
        engine.store.containers.mark_stopped(record.id)


def send_signal(pid: int, start: int, number: int) -> bool:
    """Send a signal to a process, if it is still the one that started then; tell whether it was."""
    fd = open_process(pid, start)
    if fd < 0:
        return False
    import os

    try:
        signal.pidfd_send_signal(fd, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(fd)
    return True


def end_by_force(engine: Engine, record: ContainerRecord, number: int) -> None:
    """Kill a container and wait until it has ended.

    Raises:
        HostError: it does not end.
    """
    brief, _ = current(engine, record.id)
    container_event(engine, record, "kill", {"signal": str(number)})
    send_signal(brief.pid, brief.pid_start, number)
    _thaw(engine, record)
    if _ends_within(engine, record.id, _AFTER_KILL / 2):
        return
    runtime_of(engine, record).delete(record.id)
    if not _ends_within(engine, record.id, _AFTER_KILL):
        raise HostError(f"container {record.id} does not end")


def _thaw(engine: Engine, record: ContainerRecord) -> None:
    """A frozen process gets its signal when it goes on; docker lets it go on, too."""
    if current(engine, record.id)[1].name == "paused":
        runtime_of(engine, record).resume(record.id)


def _ends_within(engine: Engine, id: str, seconds: float) -> bool:
    end = time.monotonic() + seconds
    pause = _PAUSE
    while True:
        try:
            if not current(engine, id)[1].running:
                return True
        except NoSuchContainer:
            return True
        if time.monotonic() >= end:
            return False
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
