"""What several image operations need: a stored image with its documents."""

from __future__ import annotations

import msgspec

from pallet.digest import Digest
from pallet.engine import Engine
from pallet.oci.config import ImageConfig, parse_config
from pallet.oci.manifest import Manifest, parse_manifest


class StoredImage(msgspec.Struct, frozen=True):
    """An image of the store: its id, manifest and config."""

    id: Digest
    manifest: Manifest
    config: ImageConfig


def load_image(engine: Engine, name: str) -> StoredImage:
    """The image called `name` (a reference, an id or a prefix), with the manifest that this name stands for.

    Raises:
        NoSuchImage: there is none.
        Integrity: its documents are damaged.
    """
    match = engine.store.images.resolve(name)
    return image_by_id(engine, match.image, match.manifest)


def image_by_id(engine: Engine, image: Digest, manifest: Digest | None = None) -> StoredImage:
    """The image with this id, with one of its manifests (the first, if None).

    Raises:
        NoSuchImage: there is none.
        Integrity: its documents are damaged.
    """
    store = engine.store
    config = parse_config(store.blobs.read(store.images.config_of(image)))
    known = store.images.manifests_of(image)
    chosen = next((each for each in known if each.digest == manifest), known[0])
    return StoredImage(image, parse_manifest(store.blobs.read(chosen), chosen.media_type), config)
