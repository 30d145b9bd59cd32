"""`docker container export`: a container's whole file system as one tar."""

from __future__ import annotations

from pallet.engine import Engine
from pallet.host.idmap import in_user_namespace
from pallet.layer.ahead import WriteAhead
from pallet.layer.compress import Writable
from pallet.layer.merged import write_layers
from pallet.ops.record_event import container_event
from pallet.runtime.paths import ContainerPaths
from pallet.runtime.rootfs import container_layers


def export(engine: Engine, container: str, out: Writable) -> None:
    """Write the file system of a container, running or stopped, with layers and whiteouts resolved.

    Args:
        engine: whose store.
        container: its name, id or id prefix.
        out: takes the tar.

    Raises:
        NoSuchContainer: there is none.
        HostError: the file system cannot be read, or `out` not written.
        BrokenPipeError: nobody reads `out`.
    """
    record = engine.store.containers.find(container)
    paths = ContainerPaths(engine.settings, record.id)
    layers = engine.snapshots.lower_dirs(record.chain_id) if record.chain_id else []
    with WriteAhead(out) as ahead:
        write_layers(container_layers(paths, layers), ahead, userxattr=in_user_namespace())
    container_event(engine, record, "export")
