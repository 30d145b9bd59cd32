"""`docker image inspect`: all there is to know about an image, in docker's JSON.

Source: docker engine API 1.41, ImageInspect; key order as docker 20.10 prints it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pallet.engine import Engine
from pallet.naming import familiar
from pallet.oci.chain import chain_ids
from pallet.oci.codec import to_json_object
from pallet.oci.config import ContainerConfig
from pallet.ops.images import image_by_id
from pallet.ops.times import rfc3339_nano


class GraphDriver(msgspec.Struct, frozen=True, rename="pascal"):
    """Where the unpacked layers are, in the words of docker's overlay2 driver."""

    data: dict[str, str]
    name: str


class RootFS(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    """The layers' diff IDs."""

    type: str
    layers: tuple[str, ...] = ()


class ImageMetadata(msgspec.Struct, frozen=True, rename="pascal"):
    """What only this store knows of the image."""

    last_tag_time: str


class ImageInspect(msgspec.Struct, frozen=True, rename="pascal"):
    """docker's ImageInspect."""

    id: str
    repo_tags: tuple[str, ...]
    repo_digests: tuple[str, ...]
    parent: str
    comment: str
    created: str
    container: str
    container_config: ContainerConfig
    docker_version: str
    author: str
    config: ContainerConfig | None
    architecture: str
    variant: str
    os: str
    os_version: str
    size: int
    virtual_size: int
    graph_driver: GraphDriver
    root_fs: RootFS = msgspec.field(name="RootFS")
    metadata: ImageMetadata
    last_used: str

    def to_docker(self) -> dict[str, Any]:
        """The JSON object, without the keys that docker leaves out when they are empty."""
        fields = to_json_object(self)
        for key in ("Variant", "OsVersion"):
            if not fields[key]:
                del fields[key]
        fields["ContainerConfig"] = self.container_config.to_docker()
        fields["Config"] = self.config.to_docker() if self.config else None
        fields["Metadata"]["LastUsedTime"] = fields.pop("LastUsed")
        return fields


def inspect_image(engine: Engine, name: str) -> ImageInspect:
    """Inspect the image called `name`: a reference, an id, or a prefix of one.

    Raises:
        NoSuchImage: there is none.
        Integrity: its config is damaged.
    """
    images = engine.store.images
    id = images.resolve(name).image
    row = images.get(id)
    config = image_by_id(engine, id).config
    return ImageInspect(
        id=id,
        repo_tags=tuple(f"{familiar(tag.name)}:{tag.tag}" for tag in images.tags_of(id)),
        repo_digests=tuple(f"{familiar(each.name)}@{each.digest}" for each in images.repo_digests_of(id)),
        parent=row.parent,
        comment=row.comment or config.comment or (config.history[-1].comment if config.history else ""),
        created=config.created or rfc3339_nano(0),
        container=config.container,
        container_config=config.container_config or ContainerConfig(),
        docker_version=config.docker_version,
        author=config.author,
        config=config.config,
        architecture=config.platform.architecture,
        variant=config.platform.variant,
        os=config.platform.os,
        os_version=config.platform.os_version,
        size=row.size,
        virtual_size=row.size,
        graph_driver=_graph_driver(engine, chain_ids(config.diff_ids)),
        root_fs=RootFS("layers", config.diff_ids),
        metadata=ImageMetadata(rfc3339_nano(row.tagged)),
        last_used=rfc3339_nano(row.used),
    )


def _graph_driver(engine: Engine, chain: tuple[str, ...]) -> GraphDriver:
    if not chain or not engine.snapshots.has(chain[-1]):
        return GraphDriver({}, "overlay2")
    directories = engine.snapshots.lower_dirs(chain[-1])
    top = directories[0].removesuffix("/fs")
    data = {"LowerDir": ":".join(directories[1:])} if directories[1:] else {}
    data |= {"MergedDir": top + "/merged", "UpperDir": directories[0], "WorkDir": top + "/work"}
    return GraphDriver(data, "overlay2")
