"""What nobody has seen to yet, found by who looks at a container: its end, the rest of a start that broke off, a
missing supervisor. On the quick path: mostly there is nothing.
"""

from __future__ import annotations

import os

from pallet.host.process import alive
from pallet.ops.container_state import current
from pallet.ops.supervision import keep_supervised
from pallet.runtime.paths import ContainerPaths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.engine import Engine
    from pallet.runtime.state import Status
    from pallet.store.containers import Brief


def noticed(engine: Engine, brief: Brief, now: Status) -> tuple[Brief, Status]:
    """See to a container that was looked at.

    Args:
        engine: whose store.
        brief: what the store knows of it.
        now: its state.

    Returns:
        The same, as it is by now.

    Raises:
        NoSuchContainer: it was removed.
    """
    if not now.recorded or (not now.running and os.path.isdir(ContainerPaths(engine.settings, brief.id).run)):
        from pallet.ops.container_settle import settle_container, settle_if_idle

        if now.name == "exited" and not now.recorded and brief.supervised:
            settle_container(engine, brief.id)  # which says whether it is to be started again
        elif now.recorded or now.name == "created" or not alive(brief.conmon, brief.conmon_start):
            settle_if_idle(engine, brief.id)
        brief, now = current(engine, brief.id)
    if brief.supervised:
        keep_supervised(engine, brief, now)
    return brief, now
