"""`docker container export`: a container's whole file system as one tar."""

from __future__ import annotations

from pallet.engine import Engine
from pallet.layer.compress import Writable
from pallet.layer.diff import write_tree
from pallet.ops.record_event import container_event
from pallet.runtime.paths import ContainerPaths
from pallet.runtime.rootfs import mounted_root


def export(engine: Engine, container: str, out: Writable) -> None:
    """Write the file system of a container, running or stopped, with layers and whiteouts resolved.

    Args:
        engine: whose store.
        container: its name, id or id prefix.
        out: takes the tar.

    Raises:
        NoSuchContainer: there is none.
        HostError: the file system cannot be mounted.
    """
    record = engine.store.containers.find(container)
    layers = engine.snapshots.lower_dirs(record.chain_id) if record.chain_id else []
    state = engine.store.containers.state(record.id)
    with mounted_root(ContainerPaths(engine.settings, record.id), layers, state) as root:
        write_tree(root, out)
    container_event(engine, record, "export")
