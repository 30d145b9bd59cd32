"""docker's types.ImageInspect as a typed value for templates."""

from __future__ import annotations

from pallet.cli.govalues import config_value, string_map, strings
from pallet.gotemplate import GoInt, GoStruct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def image_value(image: dict[str, Any]) -> GoStruct:
    """The typed value of an image's JSON; its fields are in the order of docker's declaration."""
    root, driver = image["RootFS"], image["GraphDriver"]
    return GoStruct(
        "types.ImageInspect",
        {
            "ID": image["Id"],
            "RepoTags": strings(image["RepoTags"]),
            "RepoDigests": strings(image["RepoDigests"]),
            "Parent": image["Parent"],
            "Comment": image["Comment"],
            "Created": image["Created"],
            "Container": image["Container"],
            "ContainerConfig": config_value(image["ContainerConfig"]),
            "DockerVersion": image["DockerVersion"],
            "Author": image["Author"],
            "Config": config_value(image["Config"]),
            "Architecture": image["Architecture"],
            "Variant": image.get("Variant", ""),
            "Os": image["Os"],
            "OsVersion": image.get("OsVersion", ""),
            "Size": GoInt(image["Size"]),
            "VirtualSize": GoInt(image["VirtualSize"]),
            "GraphDriver": GoStruct(
                "types.GraphDriverData", {"Data": string_map(driver["Data"]), "Name": driver["Name"]}
            ),
            "RootFS": GoStruct(
                "types.RootFS",
                {"Type": root["Type"], "Layers": strings(root.get("Layers", ())), "BaseLayer": ""},
                tags={"Layers": ",omitempty", "BaseLayer": ",omitempty"},
            ),
            "Metadata": GoStruct("types.ImageMetadata", {"LastTagTime": image["Metadata"]["LastTagTime"]}),
        },
        tags={"ID": "Id", "Variant": ",omitempty", "OsVersion": ",omitempty"},
    )
