"""What the volumes of a container that is about to start have mounted on them by their options."""

from __future__ import annotations

import os

from pallet.engine import Engine
from pallet.errors import Conflict, NotFound
from pallet.ops.container_state import current
from pallet.ops.times import now_ns
from pallet.runtime.volume_mounts import VolumeMount, volume_mount
from pallet.store.container_record import ContainerRecord
from pallet.store.volumes import Volume


def volume_mounts(engine: Engine, record: ContainerRecord) -> tuple[VolumeMount, ...]:
    """The mounts, and the directories for them; a volume that somebody has removed by force is there again.

    Raises:
        Conflict: a tmpfs is another running container's.
    """
    found = []
    for mount in record.host.mounts:
        if mount.type != "volume":
            continue
        try:
            options = engine.store.volumes.get(mount.name).options or {}
        except NotFound:
            engine.store.volumes.add(Volume(mount.name, now_ns(), None, None))
            continue
        if options.get("type"):
            if options["type"] == "tmpfs":
                _check_alone(engine, record, mount.name)
            os.makedirs(mount.source, exist_ok=True)
            found.append(volume_mount(mount.name, mount.source, options))
    return tuple(found)


def _check_alone(engine: Engine, record: ContainerRecord, name: str) -> None:
    for id in engine.store.volumes.users().get(name, ()):
        if id != record.id and current(engine, id)[1].running:
            raise Conflict(
                f"volume {name} is a tmpfs, and in use by container {id[:12]}: it can be one running container's only"
            )
