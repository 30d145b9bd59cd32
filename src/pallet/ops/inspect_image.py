"""`docker image inspect`: all there is to know about an image, in docker's JSON. On the quick path.

Source: docker engine API 1.41, ImageInspect; key order as docker 20.10 prints it.
"""

from __future__ import annotations

import os

from pallet.digest import Digest
from pallet.layer.placement import snapshot_path
from pallet.naming import familiar
from pallet.oci.chain import chain_ids
from pallet.oci.docker_config import docker_config
from pallet.oci.quickjson import parse_object
from pallet.ops.times import rfc3339_nano

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pallet.engine import Engine

_LEFT_OUT_WHEN_EMPTY = ("Variant", "OsVersion")


def inspect_image(engine: Engine, name: str) -> dict[str, Any]:
    """Inspect the image called `name`: a reference, an id, or a prefix of one.

    Returns:
        docker's JSON object.

    Raises:
        NoSuchImage: there is none.
        NotFound, Integrity: its config is missing or damaged.
    """
    images = engine.store.images
    id = images.resolve(name).image
    row = images.get(id)
    config = parse_object(engine.store.blobs.read_whole(id), "the image config")
    history = config.get("history") or [{}]
    diff_ids = [Digest(each) for each in (config.get("rootfs") or {}).get("diff_ids") or ()]
    fields = {
        "Id": id,
        "RepoTags": [f"{familiar(tag.name)}:{tag.tag}" for tag in images.tags_of(id)],
        "RepoDigests": [f"{familiar(each.name)}@{each.digest}" for each in images.repo_digests_of(id)],
        "Parent": row.parent,
        "Comment": row.comment or config.get("comment") or history[-1].get("comment", ""),
        "Created": config.get("created") or rfc3339_nano(0),
        "Container": config.get("container", ""),
        "ContainerConfig": docker_config(config.get("container_config") or {}),
        "DockerVersion": config.get("docker_version", ""),
        "Author": config.get("author", ""),
        "Config": None if config.get("config") is None else docker_config(config["config"]),
        "Architecture": config.get("architecture", ""),
        "Variant": config.get("variant", ""),
        "Os": config.get("os", ""),
        "OsVersion": config.get("os.version", ""),
        "Size": row.size,
        "VirtualSize": row.size,
        "GraphDriver": {"Data": _graph_driver(engine, chain_ids(diff_ids)), "Name": "overlay2"},
        "RootFS": {"Type": "layers", **({"Layers": diff_ids} if diff_ids else {})},
        "Metadata": {"LastTagTime": rfc3339_nano(row.tagged), "LastUsedTime": rfc3339_nano(row.used)},
    }
    return {key: value for key, value in fields.items() if value or key not in _LEFT_OUT_WHEN_EMPTY}


def _graph_driver(engine: Engine, chain: tuple[Digest, ...]) -> dict[str, str]:
    """Where the unpacked layers are, in the words of docker's overlay2 driver."""
    snapshots = os.path.join(engine.settings.root, "snapshots")
    directories = [snapshot_path(snapshots, each) for each in reversed(chain)]
    if not directories or not os.path.exists(directories[0]):
        return {}
    top = directories[0]
    below = ":".join(f"{directory}/fs" for directory in directories[1:])
    own = {"MergedDir": top + "/merged", "UpperDir": top + "/fs", "WorkDir": top + "/work"}
    return {"LowerDir": below, **own} if below else own
