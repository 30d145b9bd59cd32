"""How a container is right now. On the quick path."""

from __future__ import annotations

from pallet.engine import Engine
from pallet.runtime.paths import ContainerPaths
from pallet.runtime.state import Status, status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.runtime.oci_runtime import OciRuntime
    from pallet.store.container_record import ContainerRecord
    from pallet.store.containers import Brief

_TRIES = 5


def current(engine: Engine, id: str) -> tuple[Brief, Status]:
    """What the store knows and what is: a matching pair.

    Another process may settle the container between the two looks, which removes the exit file after recording it. So
    the record is read again, until it has not changed.

    Args:
        engine: whose store.
        id: the full id.

    Raises:
        NoSuchContainer: it is gone.
    """
    paths = ContainerPaths(engine.settings, id)
    brief = engine.store.containers.brief(id)
    for _ in range(_TRIES):
        now = status(paths, brief)
        if now.recorded and not now.running:
            break
        again = engine.store.containers.brief(id)
        if (again.started, again.finished) == (brief.started, brief.finished):
            break
        brief = again
    return brief, now


def runtime_of(engine: Engine, record: ContainerRecord) -> OciRuntime:
    """The OCI runtime that a container last ran with, else the one it would run with.

    Raises:
        HostError: it is not installed.
    """
    from pallet.runtime.oci_runtime import find_runtime

    last = engine.store.containers.state(record.id).runtime
    root = ContainerPaths(engine.settings, record.id).runtime_root
    return find_runtime(last or record.host.runtime or engine.settings.runtime, root)
