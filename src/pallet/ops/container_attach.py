"""`docker attach`: the streams of a container that runs already."""

from __future__ import annotations

import os
from contextlib import ExitStack

from pallet.engine import Engine
from pallet.errors import Conflict, HostError
from pallet.ops.container_run import forwarder
from pallet.ops.container_state import current
from pallet.ops.container_wait import keep_exit_code, wait_for_end
from pallet.ops.record_event import container_event
from pallet.runtime.attach import Session, Streams, connect
from pallet.runtime.paths import ContainerPaths
from pallet.runtime.terminal import CTRL_P_CTRL_Q, RawTerminal


def check_attachable(engine: Engine, id: str) -> None:
    """See whether a container (its full id) runs and can be attached to. Raises Conflict, with docker's text."""
    _, now = current(engine, id)
    if not now.running:
        raise Conflict("You cannot attach to a stopped container, start it first")
    if now.name == "paused":
        raise Conflict("You cannot attach to a paused container, unpause it first")


def attach_container(
    engine: Engine,
    name: str,
    *,
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
    detach_keys: bytes = CTRL_P_CTRL_Q,
    forward_signals: bool = True,
) -> int | None:
    """Connect to a running container's streams until it ends. Several may be connected at once.

    Must be called in the main thread if signals are forwarded or the container has a terminal.

    Args:
        engine: whose store.
        name: its name, id or id prefix.
        stdin: an open file to read its standard input from, or None.
        stdout: an open file for its output, or None.
        stderr: an open file for its errors, or None.
        detach_keys: what detaches when typed into its terminal.
        forward_signals: whether this process's signals go to the container.

    Returns:
        Its exit code; None if the user detached.

    Raises:
        NoSuchContainer: there is none.
        Conflict: it does not run, or is paused; docker's text.
        HostError: its monitor does not answer.
        BrokenPipeError: nobody reads the output any more; the container goes on.
    """
    record = engine.store.containers.find(name)
    check_attachable(engine, record.id)
    paths = ContainerPaths(engine.settings, record.id)
    tty = record.config.tty
    forward = forwarder(engine, record.id) if forward_signals else None
    with ExitStack() as stack:
        keep = stack.enter_context(keep_exit_code(engine, record.id))
        try:
            connection = connect(paths)
        except HostError:
            if current(engine, record.id)[1].running:
                raise
            return wait_for_end(engine, record.id, begun=True)  # it has just ended
        container_event(engine, record, "attach")
        session = stack.enter_context(
            Session(connection, paths, Streams(stdin, stdout, stderr, tty, detach_keys, forward))
        )
        if tty:
            session.fit()
            if stdin is not None and os.isatty(stdin):
                stack.enter_context(RawTerminal(stdin))
        if not session.run():
            return None
        code = wait_for_end(engine, record.id, begun=True)
        keep.release()
    return code
