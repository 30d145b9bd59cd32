"""`docker container run`: create, attach, start, wait."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from pallet.engine import Engine
from pallet.errors import NoSuchContainer
from pallet.host.locks import lock
from pallet.ops.container_settle import settle_container
from pallet.ops.container_signal import send_signal
from pallet.ops.container_start import start_container
from pallet.ops.container_wait import keep_exit_code, wait_for_end
from pallet.ops.record_event import container_event
from pallet.runtime.attach import Session, Streams, connect
from pallet.runtime.paths import ContainerPaths
from pallet.runtime.terminal import CTRL_P_CTRL_Q, RawTerminal
from pallet.store.container_record import ContainerRecord


def run_attached(
    engine: Engine,
    record: ContainerRecord,
    *,
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
    detach_keys: bytes = CTRL_P_CTRL_Q,
    forward_signals: bool = True,
) -> int | None:
    """Start a container with its streams connected, and wait for its end.

    Must be called in the main thread if signals are forwarded or the container has a terminal.

    Args:
        engine: whose store.
        record: a container that does not run.
        stdin: an open file to read its standard input from, or None.
        stdout: an open file for its output, or None.
        stderr: an open file for its errors, or None.
        detach_keys: what detaches when typed into its terminal.
        forward_signals: whether this process's signals go to the container.

    Returns:
        Its exit code; None if the user detached.

    Raises:
        As `start_container`.
        BrokenPipeError: nobody reads the output any more; the container goes on.
    """
    forward = forwarder(engine, record.id) if forward_signals else None
    streams = Streams(stdin, stdout, stderr, record.config.tty, detach_keys, forward)
    with ExitStack() as stack:
        stack.enter_context(lock(ContainerPaths(engine.settings, record.id).attended))
        keep = stack.enter_context(keep_exit_code(engine, record.id))
        attached: list[Session] = []

        def attach(paths: ContainerPaths) -> None:
            session = stack.enter_context(Session(connect(paths), paths, streams))
            attached.append(session)
            if record.config.tty:
                session.fit()

        container_event(engine, record, "attach")
        try:
            start_container(engine, record, before_start=attach)
        except BaseException:
            keep.release()
            if record.host.auto_remove:
                _remove_failed(engine, record)
            raise
        if stdin is not None and record.config.tty:
            stack.enter_context(RawTerminal(stdin))
        for session in attached:
            if not session.run():
                return None
        code = wait_for_end(engine, record.id, begun=True)
        keep.release()
        settle_container(engine, record.id)
    return code


def run_detached(engine: Engine, record: ContainerRecord) -> None:
    """Start a container and leave it running; one that cannot be started and is to be removed is removed.

    Raises:
        As `start_container`.
    """
    try:
        start_container(engine, record)
    except BaseException:
        if record.host.auto_remove:
            _remove_failed(engine, record)
        raise


def forwarder(engine: Engine, id: str) -> Callable[[int], None]:
    """What sends a signal on to a container's first process."""

    def forward(number: int) -> None:
        try:
            brief = engine.store.containers.brief(id)
        except NoSuchContainer:
            return
        send_signal(brief.pid, brief.pid_start, number)

    return forward


def _remove_failed(engine: Engine, record: ContainerRecord) -> None:
    from pallet.ops.container_remove import remove_container

    try:
        remove_container(engine, record.id, force=True, volumes=True)
    except NoSuchContainer:
        return
