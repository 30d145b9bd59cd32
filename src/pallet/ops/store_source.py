"""The store as a source of images: what push and save read from."""

from __future__ import annotations

from collections.abc import Iterator

from pallet.oci.descriptor import Descriptor
from pallet.store.blobs import Blobs


class StoreSource:
    """One stored image, as an `ImageSource`.

    Args:
        blobs: the store's blobs.
        manifest: the descriptor of the image's manifest.
    """

    def __init__(self, blobs: Blobs, manifest: Descriptor) -> None:
        self._blobs = blobs
        self._manifest = manifest

    def root(self) -> Descriptor:
        """The image's manifest."""
        return self._manifest

    def read_manifest(self, descriptor: Descriptor) -> bytes:
        """A manifest or config, verified. Raises NotFound and Integrity as `ImageSource` says."""
        return self._blobs.read(descriptor)

    def blob_chunks(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        """The bytes of a blob from `offset` on. Raises NotFound if it is missing."""
        return self._blobs.chunks(descriptor.digest, offset)
