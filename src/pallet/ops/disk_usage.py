"""`docker system df`: where the bytes are.

A layer that several images share is counted once in the total, and for each image either as shared or as its own.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable

import msgspec

from pallet.digest import Digest
from pallet.engine import Engine
from pallet.host.files import tree_size
from pallet.naming import familiar
from pallet.ops.container_running import is_running
from pallet.ops.volume_remove import volume_size
from pallet.runtime.paths import ContainerPaths
from pallet.store.build_cache import CachedLayer
from pallet.store.container_record import ContainerRecord
from pallet.store.rows import LayerUse


class ImageUsage(msgspec.Struct, frozen=True):
    """One image's bytes of unpacked layers.

    Attributes:
        id: the image.
        names: its familiar `name:tag`s.
        created: nanoseconds since the epoch.
        size: all its layers.
        shared: of these, what other images have too.
        containers: how many containers were made from it.
    """

    id: Digest
    names: tuple[str, ...]
    created: int
    size: int
    shared: int
    containers: int


class ContainerUsage(msgspec.Struct, frozen=True):
    """One container's bytes: what it wrote itself."""

    record: ContainerRecord
    running: bool
    size: int

    @property
    def volumes(self) -> int:
        """How many volumes it has."""
        return sum(1 for mount in self.record.host.mounts if mount.type == "volume")


class VolumeUsage(msgspec.Struct, frozen=True):
    """One volume's bytes, and how many containers have it. Those that only mount something else are left out."""

    name: str
    links: int
    size: int


class DiskUsage(msgspec.Struct, frozen=True):
    """The store's bytes.

    Attributes:
        images: each image.
        layers: bytes of all unpacked layers, each counted once.
        containers: each container.
        volumes: each volume.
        blobs: how many compressed blobs there are (for push and save).
        blob_bytes: their size.
        cache: the results of earlier builds, those used last first.
        cache_bytes: of unpacked layers that only these have, and of directories that RUN --mount=type=cache keeps.
    """

    images: tuple[ImageUsage, ...]
    layers: int
    containers: tuple[ContainerUsage, ...]
    volumes: tuple[VolumeUsage, ...]
    blobs: int
    blob_bytes: int
    cache: tuple[CachedLayer, ...] = ()
    cache_bytes: int = 0

    @property
    def reclaimable(self) -> int:
        """Bytes of unpacked layers that no container's image needs, by docker's reckoning."""
        return self.layers - sum(image.size - image.shared for image in self.images if image.containers)


def disk_usage(engine: Engine) -> DiskUsage:
    """Count the bytes of images, containers, volumes, blobs and the build cache."""
    store = engine.store
    uses = store.images.layer_uses()
    owners, sizes = _layers(uses)
    shared: dict[str, int] = {}
    for use in uses:
        if len(owners[use.chain_id]) > 1:
            shared[use.image] = shared.get(use.image, 0) + use.unpacked
    images = tuple(
        ImageUsage(
            id=row.id,
            names=tuple(f"{familiar(tag.name)}:{tag.tag}" for tag in store.images.tags_of(row.id)),
            created=row.created,
            size=row.size,
            shared=shared.get(row.id, 0),
            containers=len(store.containers.using_image(row.id)),
        )
        for row in store.images.rows()
    )
    containers = tuple(
        ContainerUsage(record, is_running(engine, record), tree_size(ContainerPaths(engine.settings, record.id).upper))
        for record in store.containers.all()
    )
    users = store.volumes.users()
    volumes = tuple(
        VolumeUsage(volume.name, len(users.get(volume.name, ())), volume_size(engine, volume.name))
        for volume in store.volumes.all()
        if not volume.options
    )
    blobs = [store.blobs.size(digest) for digest in store.blobs.all()]
    cache = tuple(store.build_cache.all())
    cached = sum(store.build_cache.own_chains().values())
    cached += tree_size(os.path.join(engine.settings.root, "build", "mounts"))
    return DiskUsage(images, sum(sizes.values()), containers, volumes, len(blobs), sum(blobs), cache, cached)


def unshared_bytes(engine: Engine, images: Collection[str]) -> int:
    """Bytes of unpacked layers that only these images have."""
    owners, sizes = _layers(engine.store.images.layer_uses())
    wanted = set(images)
    return sum(size for chain, size in sizes.items() if owners[chain] <= wanted)


def _layers(uses: Iterable[LayerUse]) -> tuple[dict[str, set[str]], dict[str, int]]:
    """The images that have each layer, and its bytes; by chain ID."""
    owners: dict[str, set[str]] = {}
    sizes: dict[str, int] = {}
    for use in uses:
        owners.setdefault(use.chain_id, set()).add(use.image)
        sizes[use.chain_id] = use.unpacked
    return owners, sizes
