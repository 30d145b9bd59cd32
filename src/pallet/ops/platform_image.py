"""The image for a platform that a local name leads to: its own, or another one of its index.

Source: moby 20.10, daemon/images GetImage with a platform; its store knows no indexes.
"""

from __future__ import annotations

from pallet.digest import Digest
from pallet.engine import Engine
from pallet.errors import NotForPlatform, NotFound
from pallet.oci.config import parse_config
from pallet.oci.index import parse_index
from pallet.oci.manifest import parse_manifest
from pallet.ops.images import StoredImage, image_by_id
from pallet.platform import Platform, rank


def platform_image(engine: Engine, name: str, wanted: Platform) -> StoredImage:
    """The image called `name` for a platform; a child of its index is unpacked, and recorded without a name.

    Call it inside `store.adding()`.

    Args:
        engine: whose store.
        name: a reference, an id or a prefix.
        wanted: what it has to run on.

    Raises:
        NoSuchImage: there is none, or none for this platform.
        Integrity: its documents or layers are damaged.
    """
    match = engine.store.images.resolve(name)
    image = image_by_id(engine, match.image, match.manifest)
    if rank(image.config.platform, wanted) is not None:
        return image
    child = _child(engine, match.image, match.manifest, wanted)
    if child is None:
        raise NotForPlatform(name, str(wanted), str(image.config.platform.normalized()))
    return child


def _child(engine: Engine, image: Digest, root: Digest, wanted: Platform) -> StoredImage | None:
    blobs = engine.store.blobs
    found = engine.store.images.index_of(image, root)
    if found is None:
        return None
    from pallet.ops.record_image import record_image  # only a child brings layers

    try:
        chosen = parse_index(blobs.read(found), found.media_type).choose(wanted)
        manifest = parse_manifest(blobs.read(chosen), chosen.media_type)
        config = parse_config(blobs.read(manifest.config))
        record_image(engine, manifest, config)
    except NotFound:  # not for this platform, or not whole any more
        return None
    return StoredImage(config.id, manifest, config)
