"""`engine.version` and `engine.df`: docker's JSON objects. Source: docker engine API 1.41."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pallet.ops.times import rfc3339_nano

if TYPE_CHECKING:
    from pallet.sdk.engine import Engine


def version(engine: Engine) -> dict[str, Any]:
    """See `Engine.version`. Source: SystemVersion."""
    from pallet.ops.version import API_VERSION, programs
    from pallet.platform import host
    from pallet.version import __version__

    system, platform = os.uname(), host()
    own = {
        "ApiVersion": API_VERSION,
        "MinAPIVersion": API_VERSION,
        "Os": platform.os,
        "Arch": platform.architecture,
        "KernelVersion": system.release,
        "Experimental": False,
    }
    details = {**own, "Experimental": "false"}
    parts = [{"Name": "Engine", "Version": __version__, "Details": details}]
    parts += [
        {"Name": part.name, "Version": part.version, "Details": {"Path": part.path}}
        for part in programs(engine.settings)
    ]
    return {"Platform": {"Name": "pallet"}, "Components": parts, "Version": __version__, **own}


def disk_usage(engine: Engine) -> dict[str, Any]:
    """See `Engine.df`. Source: SystemDataUsage."""
    from pallet.ops import disk_usage as operation

    usage = operation.disk_usage(engine)
    second = 1_000_000_000
    return {
        "LayersSize": usage.layers,
        "Images": [
            {
                "Id": image.id,
                "RepoTags": list(image.names) or None,
                "Created": image.created // second,
                "Size": image.size,
                "SharedSize": image.shared,
                "Containers": image.containers,
            }
            for image in usage.images
        ],
        "Containers": [
            {
                "Id": each.record.id,
                "Names": ["/" + each.record.name],
                "Image": each.record.image_name,
                "ImageID": each.record.image,
                "Created": each.record.created // second,
                "State": "running" if each.running else "exited",
                "SizeRw": each.size,
            }
            for each in usage.containers
        ],
        "Volumes": [
            {"Name": each.name, "UsageData": {"Size": each.size, "RefCount": each.links}} for each in usage.volumes
        ],
        "BuildCache": [
            {
                "ID": each.key.short,
                "Size": each.size,
                "CreatedAt": rfc3339_nano(each.created),
                "LastUsedAt": rfc3339_nano(each.used),
            }
            for each in usage.cache
        ],
    }
