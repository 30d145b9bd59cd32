"""What a registry has under a name, without pulling it. Source: docker engine API 1.41, DistributionInspect."""

from __future__ import annotations

from pallet.engine import Engine
from pallet.oci import media
from pallet.oci.descriptor import Descriptor
from pallet.oci.index import parse_index
from pallet.oci.manifest import parse_manifest
from pallet.ops.copy import read_config
from pallet.platform import Platform
from pallet.reference import Reference
from pallet.registry.source import RegistrySource


def registry_data(engine: Engine, reference: Reference) -> tuple[Descriptor, tuple[Platform, ...]]:
    """Ask a registry for an image.

    Args:
        engine: whose registries.
        reference: the name, `latest` without tag and digest.

    Returns:
        The descriptor of its manifest or index, and the platforms that it is for.

    Raises:
        NotFound, Unauthorized, Unavailable: as the registry answers.
        Integrity: bytes do not match their digest.
        Unsupported: not a container image.
    """
    source = RegistrySource(engine.registry, reference.with_default_tag())
    root = source.root()
    raw = source.read_manifest(root)
    if media.is_index(root.media_type):
        index = parse_index(raw, root.media_type)
        return root, tuple(each.platform for each in index.manifests if each.platform)
    return root, (read_config(source, parse_manifest(raw, root.media_type)).platform,)
