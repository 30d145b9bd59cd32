"""The manifests a sink was given: held until the names are known, then written as the archive needs them."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pallet.digest import Digest
from pallet.errors import NotFound
from pallet.oci import media
from pallet.oci.descriptor import Descriptor
from pallet.oci.index import make_index, parse_index
from pallet.oci.manifest import Manifest, make_manifest, parse_manifest


class Placed(msgspec.Struct, frozen=True):
    """A manifest as it is in the archive, with the platform its index gave it."""

    descriptor: Descriptor
    manifest: Manifest


class Tree(msgspec.Struct, frozen=True):
    """What an image came to in the archive.

    Attributes:
        root: the manifest or index that stands for it.
        images: its manifests, at least one.
        documents: all to be written, children first: digest and bytes.
    """

    root: Descriptor
    images: tuple[Placed, ...]
    documents: tuple[tuple[Digest, bytes], ...]


class Documents:
    """Manifests and indexes by digest."""

    def __init__(self, has: Callable[[Descriptor], bool], rewrite: Callable[[Manifest], Manifest]) -> None:
        """
        Args:
            has: whether the archive has a blob.
            rewrite: what a manifest must become; it gives the same one if it may stay.
        """
        self._has = has
        self._rewrite = rewrite
        self._raw: dict[Digest, bytes] = {}

    def put(self, descriptor: Descriptor, raw: bytes) -> None:
        """Take a manifest or index."""
        self._raw[descriptor.digest] = raw

    def tree(self, root: Descriptor) -> Tree:
        """The image under `root`, as far as it was put here: an index over what is missing is replaced.

        Raises:
            NotFound: nothing of it is here, or a manifest's blob is missing.
        """
        if not media.is_index(root.media_type):
            image = self._place(root)
            return Tree(image.descriptor, (image,), ((image.manifest.digest, image.manifest.raw),))
        index = parse_index(self._get(root), root.media_type)
        images = tuple(self._place(child) for child in index.manifests if child.digest in self._raw)
        if not images:
            raise NotFound(f"{root.digest}: none of its manifests is here")
        documents = tuple((image.manifest.digest, image.manifest.raw) for image in images)
        if [child.digest for child in index.manifests] != [image.descriptor.digest for image in images]:
            if len(images) == 1:
                return Tree(images[0].descriptor, images, documents)
            index = make_index(tuple(image.descriptor for image in images))
        return Tree(index.descriptor, images, (*documents, (index.digest, index.raw)))

    def _place(self, descriptor: Descriptor) -> Placed:
        manifest = self._rewrite(parse_manifest(self._get(descriptor), descriptor.media_type))
        for blob in manifest.blobs:
            if not self._has(blob):
                raise NotFound(f"{manifest.digest}: its blob {blob.digest} is missing")
        found = manifest.descriptor
        return Placed(Descriptor(found.media_type, found.digest, found.size, platform=descriptor.platform), manifest)

    def _get(self, descriptor: Descriptor) -> bytes:
        raw = self._raw.get(descriptor.digest)
        if raw is None:
            raise NotFound(f"{descriptor.digest}: the manifest is missing")
        return raw


def to_oci(manifest: Manifest) -> Manifest:
    """The manifest in OCI's types; config and layers stay the same bytes, and with them the image's id."""
    if manifest.media_type != media.DOCKER_MANIFEST:
        return manifest
    layers = tuple(_retyped(layer) for layer in manifest.layers)
    return make_manifest(_retyped(manifest.config), layers, media.OCI_MANIFEST, manifest.annotations)


def _retyped(descriptor: Descriptor) -> Descriptor:
    return msgspec.structs.replace(descriptor, media_type=media.oci_type(descriptor.media_type))
