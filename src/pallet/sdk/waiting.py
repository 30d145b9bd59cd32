"""Waiting for a container, with docker-py's conditions and time limits."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pallet.errors import InvalidInput, NoSuchContainer
from pallet.ops.container_state import current
from pallet.ops.container_wait import wait_container

if TYPE_CHECKING:
    from collections.abc import Callable

    from pallet.sdk.engine import Engine

_PAUSE = 0.05  # seconds between looks at a container that is waited for with a time limit


def wait_until(engine: Engine, id: str, condition: str, timeout: float | None) -> int:
    """Wait until a container does not run, has ended once more, or is removed.

    Source: docker engine API 1.41, ContainerWait.

    Args:
        engine: whose store.
        id: the full id.
        condition: `not-running`, `next-exit` or `removed`.
        timeout: seconds; None for no limit.

    Returns:
        The exit code of its last run.

    Raises:
        NoSuchContainer: it is gone.
        InvalidInput: another condition.
        TimeoutError: it has not come to that.
    """
    if condition not in ("not-running", "next-exit", "removed"):
        raise InvalidInput(f'invalid condition: "{condition}"')
    end = None if timeout is None else time.monotonic() + timeout
    brief, now = current(engine, id)
    if condition == "next-exit" and not now.running:
        before = brief.started
        _look_until(lambda: _has_begun(engine, id, before), id, end)
    if end is not None:
        _look_until(lambda: not current(engine, id)[1].running, id, end)
    code = wait_container(engine, id)
    if condition == "removed":
        _look_until(lambda: _is_gone(engine, id), id, end)
    return code


def _look_until(true: Callable[[], bool], id: str, end: float | None) -> None:
    while not true():
        left = _PAUSE if end is None else end - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"timed out waiting for container {id[:12]}")
        time.sleep(min(_PAUSE, left))


def _has_begun(engine: Engine, id: str, before: int) -> bool:
    """Whether a run after that one has begun, or ended; its time is noted a moment before it runs."""
    brief, now = current(engine, id)
    return brief.started != before and (now.running or brief.finished >= brief.started)


def _is_gone(engine: Engine, id: str) -> bool:
    try:
        engine.store.containers.brief(id)
    except NoSuchContainer:
        return True
    return False
