"""What several image operations need: a stored image with its documents."""

from __future__ import annotations

import msgspec

from pallet.digest import Digest
from pallet.engine import Engine
from pallet.oci.config import ImageConfig, parse_config
from pallet.oci.descriptor import Descriptor
from pallet.oci.index import Index, parse_index
from pallet.oci.manifest import Manifest, parse_manifest


class StoredImage(msgspec.Struct, frozen=True):
    """An image of the store: its id, manifest and config."""

    id: Digest
    manifest: Manifest
    config: ImageConfig


class ImageTree(msgspec.Struct, frozen=True):
    """All that a name leads to: one manifest, or an index and its manifests.

    Attributes:
        manifests: at least one, in the index's order.
        index: what leads to them; None for a manifest by itself.
    """

    manifests: tuple[Manifest, ...]
    index: Index | None = None

    @property
    def root(self) -> Descriptor:
        """The index, or the only manifest."""
        return self.index.descriptor if self.index is not None else self.manifests[0].descriptor

    @property
    def raw(self) -> bytes:
        """The root's bytes."""
        return self.index.raw if self.index is not None else self.manifests[0].raw


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


def known_image(engine: Engine, manifest: Manifest) -> Digest | None:
    """The image, if it came here before by this very manifest and nothing of it is missing.

    Call it inside `store.adding()`.
    """
    images, image = engine.store.images, manifest.config.digest
    if not images.has(image):
        return None
    if manifest.digest not in {each.digest for each in images.manifests_of(image)}:
        return None
    layers = images.layers_of(image, manifest.digest)
    whole = all(engine.store.blobs.has(blob.digest) for blob in manifest.blobs) and all(
        engine.snapshots.has(layer.chain_id) for layer in layers
    )
    return image if whole else None


def image_tree(engine: Engine, image: Digest, root: Digest) -> ImageTree:
    """What a name of this image leads to.

    Args:
        engine: whose store.
        image: the image's id.
        root: the manifest or index that the name stands for; of a digest that is neither, the first manifest.

    Raises:
        NoSuchImage: there is no such image.
        NotFound, Integrity: a document is missing or damaged.
    """
    blobs = engine.store.blobs
    found = engine.store.images.index_of(image, root)
    if found is None:
        return ImageTree((image_by_id(engine, image, root).manifest,))
    index = parse_index(blobs.read(found), found.media_type)
    manifests = tuple(parse_manifest(blobs.read(each), each.media_type) for each in index.manifests)
    return ImageTree(manifests, index)
