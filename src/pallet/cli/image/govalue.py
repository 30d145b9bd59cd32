"""docker's types.ImageInspect as a typed value for templates."""

from __future__ import annotations

from pallet.cli.govalues import container_config, string_map, strings
from pallet.gotemplate import GoInt, GoStruct
from pallet.ops.inspect_image import ImageInspect


def image_value(image: ImageInspect) -> GoStruct:
    """The typed value; its fields are in the order of docker's declaration."""
    return GoStruct(
        "types.ImageInspect",
        {
            "ID": image.id,
            "RepoTags": strings(image.repo_tags),
            "RepoDigests": strings(image.repo_digests),
            "Parent": image.parent,
            "Comment": image.comment,
            "Created": image.created,
            "Container": image.container,
            "ContainerConfig": container_config(image.container_config),
            "DockerVersion": image.docker_version,
            "Author": image.author,
            "Config": container_config(image.config),
            "Architecture": image.architecture,
            "Variant": image.variant,
            "Os": image.os,
            "OsVersion": image.os_version,
            "Size": GoInt(image.size),
            "VirtualSize": GoInt(image.virtual_size),
            "GraphDriver": GoStruct(
                "types.GraphDriverData",
                {"Data": string_map(image.graph_driver.data), "Name": image.graph_driver.name},
            ),
            "RootFS": GoStruct(
                "types.RootFS",
                {"Type": image.root_fs.type, "Layers": strings(image.root_fs.layers), "BaseLayer": ""},
                tags={"Layers": ",omitempty", "BaseLayer": ",omitempty"},
            ),
            "Metadata": GoStruct("types.ImageMetadata", {"LastTagTime": image.metadata.last_tag_time}),
        },
        tags={"ID": "Id", "Variant": ",omitempty", "OsVersion": ",omitempty"},
    )
