"""`docker diff`: what a container changed in its file system."""

from __future__ import annotations

import os

from pallet.engine import Engine
from pallet.host import mounts
from pallet.host.erofs import mounted_images
from pallet.host.idmap import in_user_namespace
from pallet.layer.changes import Change, changes
from pallet.runtime.paths import ContainerPaths


def diff_container(engine: Engine, name: str) -> list[Change]:
    """What a container, running or stopped, has added (A), changed (C) and deleted (D).

    Args:
        engine: whose store.
        name: its name, id or id prefix.

    Returns:
        Letters and paths, in the order of the paths.

    Raises:
        NoSuchContainer: there is none.
        HostError: its files cannot be read.
    """
    record = engine.store.containers.find(name)
    paths = ContainerPaths(engine.settings, record.id)
    layers = engine.snapshots.lower_dirs(record.chain_id) if record.chain_id else []
    if not os.path.isdir(paths.init):  # it has never been started
        return []

    def compare() -> list[Change]:
        with mounted_images(layers):
            mounts.mount_overlay([paths.init, *layers], None, None, paths.merged, readonly=True)
            try:
                return changes(paths.upper, paths.merged, userxattr=in_user_namespace())
            finally:
                mounts.unmount(paths.merged, mounts.MNT_DETACH)

    return mounts.run_in_mount_namespace(compare)
