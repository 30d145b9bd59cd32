"""What conmon has done when a container has ended. On the quick path: mostly there is nothing left to do."""

from __future__ import annotations

import os

from pallet.errors import NoSuchContainer
from pallet.host.files import unlink_if_there
from pallet.host.locks import lock
from pallet.ops.container_state import current
from pallet.runtime.paths import ContainerPaths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.engine import Engine


def cleanup_container(engine: Engine, id: str) -> None:
    """Settle a container that has ended, unless a `run` in the foreground does it, which is waited for.

    Args:
        engine: whose store.
        id: the full id.
    """
    paths = ContainerPaths(engine.settings, id)
    with lock(paths.attended):
        try:
            _, now = current(engine, id)
        except NoSuchContainer:
            for path in paths.locks:
                unlink_if_there(path)
            return
        if now.recorded and not os.path.isdir(paths.run) and not engine.store.containers.is_temporary(id):
            return
        from pallet.ops.container_settle import settle_container

        settle_container(engine, id)
