"""The ends of processes of `exec`: each is told once, by whoever is the first to know."""

from __future__ import annotations

from pallet.runtime.exec_notes import noted_execs, take_note
from pallet.runtime.paths import ContainerPaths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.engine import Engine


def record_exec_end(engine: Engine, id: str, exec_id: str, code: int, *, moment: int = 0) -> None:
    """Record the end of a process, unless somebody has.

    Args:
        engine: whose store.
        id: the container's full id.
        exec_id: names the process.
        code: its exit code.
        moment: when, in nanoseconds since the epoch; now if 0.
    """
    # Found and told in one: whoever records the container's end is then told of this one before.
    with engine.store.db.transaction(lasting=False):
        if take_note(ContainerPaths(engine.settings, id), exec_id):
            attributes = {"execID": exec_id, "exitCode": str(code)}
            engine.store.events.add_of_container(id, "exec_die", attributes, moment=moment)


def record_watched_end(engine: Engine, id: str, exec_id: str) -> None:
    """Record the end of a process that was left running, as its conmon tells it."""
    from pallet.runtime.exec_watch import take_end

    code = take_end(ContainerPaths(engine.settings, id), exec_id)
    if code is not None:
        record_exec_end(engine, id, exec_id, code)


def record_ends_with_container(engine: Engine, id: str, moment: int) -> None:
    """Record the ends of all that nobody has told of, when their container has ended: docker tells of them first.

    Args:
        engine: whose store.
        id: the container's full id.
        moment: as for `record_exec_end`.
    """
    paths = ContainerPaths(engine.settings, id)
    for exec_id in noted_execs(paths):
        from pallet.runtime.exec_watch import watched_end

        record_exec_end(engine, id, exec_id, watched_end(paths, exec_id), moment=moment)
