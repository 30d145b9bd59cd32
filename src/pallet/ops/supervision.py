"""Which containers have a supervisor, and getting one going. On the quick path."""

from __future__ import annotations

import os

from pallet.runtime.paths import ContainerPaths
from pallet.runtime.supervisor_file import is_supervised

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.engine import Engine
    from pallet.oci.config import Healthcheck
    from pallet.runtime.state import Status
    from pallet.store.container_record import ContainerRecord, ContainerState
    from pallet.store.containers import Brief

_BEGINNING = 2 * 10**9  # nanoseconds
# The shell ends at once; what it leaves behind is nobody's child, and holds no stream of ours.
_DETACH = '"$@" </dev/null >/dev/null 2>&1 &'


def needs_supervisor(record: ContainerRecord) -> bool:
    """Whether a container has health checks, a restart policy, or a log in several files."""
    from pallet.errors import HostError
    from pallet.ops.log_options import rotation

    if restarts(record) or has_check(record.config.healthcheck):
        return True
    if record.host.log_driver == "json-file" and not record.host.log_options:
        return False
    try:
        how = rotation(record.host.log_driver, record.host.log_options)
    except HostError:  # it will not start anyway
        return False
    return how.size > 0 and how.files > 1


def restarts(record: ContainerRecord) -> bool:
    """Whether a container has a restart policy."""
    return record.host.restart_policy.name not in ("", "no")


def has_check(check: Healthcheck | None) -> bool:
    """Whether there is anything to check."""
    return check is not None and bool(check.test) and check.test is not None and check.test[0] not in ("", "NONE")


def wants_restart(record: ContainerRecord, state: ContainerState) -> bool:
    """Whether a container that has ended is to be started again.

    Source: docker's documentation of restart policies; moby, restartmanager.
    """
    policy = record.host.restart_policy
    if state.stopped or not state.started:
        return False
    if policy.name in ("always", "unless-stopped"):
        return True
    if policy.name != "on-failure" or state.exit_code == 0:
        return False
    return not policy.retries or state.restarts < policy.retries


def keep_supervised(engine: Engine, brief: Brief, now: Status) -> None:
    """Start another supervisor for a container that has lost its own and runs, or waits to be started again.

    Args:
        engine: whose store.
        brief: what the store knows of the container.
        now: its state.
    """
    if not brief.supervised or not (now.running or brief.restart_at):
        return
    if is_supervised(ContainerPaths(engine.settings, brief.id)):
        return
    import time

    if not now.running or time.time_ns() - brief.started > _BEGINNING:  # else it is about to register itself
        ensure_supervisor(engine, brief.id)


def ensure_supervisor(engine: Engine, id: str) -> None:
    """Start a container's supervisor if none lives.

    It takes the container's lock before it looks around, so that it may be started by whoever holds it.

    Raises:
        HostError: it cannot be started.
    """
    paths = ContainerPaths(engine.settings, id)
    if is_supervised(paths):
        return
    import sys

    from pallet.host.spawn import run

    settings = engine.settings
    pallet = [sys.executable, "-P", "-m", "pallet", "--root", settings.root]
    if settings.runtime:
        pallet += ["--runtime", settings.runtime]
    words = [*pallet, "container", "supervise", "--run-dir", settings.run_dir, id]
    os.makedirs(settings.run_dir, 0o700, exist_ok=True)
    run(["/bin/sh", "-c", _DETACH, "sh", *words])
