"""Changes to images: each gives new values and leaves the old ones alone.

Configs are changed as JSON objects, so that fields pallet does not know survive.
"""

from __future__ import annotations

import msgspec

from pallet.digest import Digest
from pallet.oci import media
from pallet.oci.codec import decode_object, encode
from pallet.oci.config import ContainerConfig, History, ImageConfig, parse_config
from pallet.oci.descriptor import Descriptor, describe
from pallet.oci.manifest import Manifest, make_manifest
from pallet.platform import Platform


class Step(msgspec.Struct, frozen=True):
    """What a change adds to an image's record.

    Attributes:
        history: the history entry; `created` in RFC 3339.
        config: how to run the new image; None keeps the old config.
        container: the id of the container it was made from, if any.
        container_config: that container's config, if any.
        docker_version: the version of the engine that made it.
    """

    history: History
    config: ContainerConfig | None = None
    container: str = ""
    container_config: ContainerConfig | None = None
    docker_version: str = ""


def empty_config(platform: Platform) -> ImageConfig:
    """The config of an image without layers."""
    fields: dict[str, object] = {
        "architecture": platform.architecture,
        "os": platform.os,
        "rootfs": {"type": "layers", "diff_ids": []},
        "history": [],
    }
    if platform.variant:
        fields["variant"] = platform.variant
    return parse_config(encode(fields))


def append_layer(
    config: ImageConfig, layers: tuple[Descriptor, ...], layer: Descriptor | None, diff_id: Digest | None, step: Step
) -> tuple[Manifest, ImageConfig]:
    """Put one layer on top of an image.

    Args:
        config: the base image's config.
        layers: the base image's layers.
        layer: the new layer's blob; None for a step that changes the config only.
        diff_id: the digest of the new layer's uncompressed tar; None with `layer`.
        step: what to record.

    Returns:
        The new manifest (of docker's type if the base's layers are docker's, else OCI's) and the new config.
    """
    fields = decode_object(config.raw, "the image config")
    fields.pop("container", None)
    fields.pop("container_config", None)
    fields["created"] = step.history.created
    fields["author"] = step.history.author
    if step.history.comment:
        fields["comment"] = step.history.comment
    else:
        fields.pop("comment", None)
    if step.container:
        fields["container"] = step.container
    if step.container_config is not None:
        fields["container_config"] = step.container_config.to_docker()
    if step.docker_version:
        fields["docker_version"] = step.docker_version
    if step.config is not None:
        fields["config"] = step.config.to_docker()
    fields["history"] = [*config.history, step.history]
    diff_ids = list(config.diff_ids)
    if layer is not None and diff_id is not None:
        layers = (*layers, layer)
        diff_ids.append(diff_id)
    fields["rootfs"] = {"type": "layers", "diff_ids": diff_ids}
    changed = parse_config(encode(fields))
    return manifest_for(changed, layers), changed


def manifest_for(config: ImageConfig, layers: tuple[Descriptor, ...]) -> Manifest:
    """A manifest over `config` and `layers`: docker's type if every layer is docker's, else OCI's.

    A manifest has layers of its own kind only: containers/image, for one, cannot convert any other.
    """
    docker = all(layer.media_type.startswith("application/vnd.docker.") for layer in layers)
    if not docker:
        layers = tuple(msgspec.structs.replace(layer, media_type=media.oci_type(layer.media_type)) for layer in layers)
    return make_manifest(
        describe(config.raw, media.DOCKER_CONFIG if docker else media.OCI_CONFIG),
        layers,
        media.DOCKER_MANIFEST if docker else media.OCI_MANIFEST,
    )
