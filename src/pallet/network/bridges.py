"""The bridge networks that there are for who runs this: root's, or a user's."""

from __future__ import annotations

from pallet.host.idmap import is_rootless
from pallet.network.bridge import Bridges


def bridges_of(run_dir: str) -> Bridges:
    """The bridges for the containers of a run directory."""
    if is_rootless():
        from pallet.network.userbridges import UserBridges

        return UserBridges(run_dir)
    return Bridges()
