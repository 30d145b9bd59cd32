"""Recording docker's events: what each kind of object tells of itself."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pallet.digest import Digest
    from pallet.engine import Engine
    from pallet.store.container_record import ContainerRecord, Mount
    from pallet.store.networks import Network


def container_event(
    engine: Engine, record: ContainerRecord, action: str, more: Mapping[str, str] | None = None, *, moment: int = 0
) -> None:
    """Something happened to a container.

    Args:
        engine: whose store.
        record: the container.
        action: docker's word: `create`, `start`, `exec_create: COMMAND`, ...
        more: attributes beyond labels, image and name: `exitCode`, `signal`, `execID`, ...
        moment: when, in nanoseconds since the epoch; now if 0.
    """
    engine.store.events.add_of_container(record.id, action, more, moment=moment)


def network_event(engine: Engine, network: Network, action: str, container: str = "") -> None:
    """Something happened to a network: `create`, `destroy`, or with a container's id `connect`, `disconnect`."""
    attributes = {"container": container} if container else {}
    engine.store.events.add("network", action, network.id, {**attributes, "name": network.name, "type": network.driver})


def volume_event(engine: Engine, name: str, action: str) -> None:
    """Something happened to a volume: `create`, `destroy`."""
    engine.store.events.add("volume", action, name, {"driver": "local"})


def mount_events(engine: Engine, container: str, mounts: tuple[Mount, ...], action: str) -> None:
    """A container begins (`mount`) or ends (`unmount`) to use its volumes."""
    for mount in mounts:
        if mount.type != "volume":
            continue
        attributes = {"container": container, "driver": "local"}
        if action == "mount":
            attributes |= {
                "destination": mount.destination,
                "propagation": mount.propagation,
                "read/write": "false" if mount.read_only else "true",
            }
        engine.store.events.add("volume", action, mount.name, attributes)


def prune_event(engine: Engine, type: str, reclaimed: int) -> None:
    """Everything of a kind that nothing used was removed; `reclaimed` in bytes."""
    engine.store.events.add(type, "prune", "", {"reclaimed": str(reclaimed)})


def image_event(engine: Engine, image: Digest, action: str, *, asked: str = "", name: str = "") -> None:
    """Something happened to an image.

    Args:
        engine: whose store.
        image: its id; one that is gone has no labels any more.
        action: `pull`, `push`, `tag`, `untag`, `delete`, `import`, `load`, `save`.
        asked: for `pull` and `push`, the reference that was asked for, which they tell of instead of the id.
        name: the attribute `name`, if it is not the same.
    """
    config = "{}"
    if engine.store.images.has(image):
        with engine.store.blobs.open(image) as file:
            config = file.read().decode("utf-8", "replace")
    actor = asked or image
    engine.store.events.add_of_image(action, actor, config, name or actor)
