"""`docker container wait`: until a container has ended."""

from __future__ import annotations

import os
import select
import time

from pallet.engine import Engine
from pallet.host.locks import FileLock, lock
from pallet.host.process import open_process
from pallet.ops.container_state import current
from pallet.runtime.paths import ContainerPaths

_PAUSE = 0.002
_RESTART_PAUSE = 0.02


def keep_exit_code(engine: Engine, id: str) -> FileLock:
    """A lock that keeps a container from being removed before its exit code was read."""
    return lock(ContainerPaths(engine.settings, id).wait, shared=True)


def wait_container(engine: Engine, name: str) -> int:
    """Wait until a container does not run.

    Args:
        engine: whose store.
        name: its name, id or id prefix.

    Returns:
        The exit code of its last run; 0 if it never ran.

    Raises:
        NoSuchContainer: there is none.
    """
    id = engine.store.containers.find_id(name)
    with keep_exit_code(engine, id):
        return wait_for_end(engine, id)


def wait_for_end(engine: Engine, id: str, *, begun: bool = False) -> int:
    """As `wait_container`, for a full id whose exit code the caller keeps.

    Args:
        engine: whose store.
        id: the full id.
        begun: whether the run that is waited for has begun; if not, one that is about to begin is waited for, too.
    """
    pause = _PAUSE
    while True:
        brief, now = current(engine, id)
        if now.name == "restarting" and not begun:
            time.sleep(_RESTART_PAUSE)
            continue
        begun = True
        if not now.running:
            return now.exit_code
        process = open_process(brief.pid, brief.pid_start)
        if process >= 0:
            poll = select.poll()
            poll.register(process, select.POLLIN)
            poll.poll()
            os.close(process)
        else:  # the process has ended, and conmon is about to say how
            time.sleep(pause)
            pause = min(pause * 1.5, 0.1)
