"""One image of an archive, as a source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from pallet.archive.files import Files, Piece, read_whole
from pallet.content import CONFIG_LIMIT, MANIFEST_LIMIT, ImageSource, verify
from pallet.digest import Digest
from pallet.oci import media
from pallet.oci.descriptor import Descriptor
from pallet.reference import Reference


class ArchiveImage(msgspec.Struct, frozen=True):
    """An image found in an archive.

    Attributes:
        names: the names the archive gives it, in order; empty for an image without a name.
        labels: what an OCI layout calls it (`org.opencontainers.image.ref.name`): often a bare tag.
        source: where to copy it from.
    """

    names: tuple[Reference, ...]
    labels: tuple[str, ...]
    source: ImageSource


class ArchiveSource:
    """An image whose blobs are files of an archive: an `ImageSource`."""

    def __init__(self, files: Files, root: Descriptor, pieces: Mapping[Digest, Piece] | None = None) -> None:
        """
        Args:
            files: the archive.
            root: the image's manifest or index.
            pieces: the blobs that are not where an OCI layout has them, in `blobs/sha256`.
        """
        self._files = files
        self._root = root
        self._pieces = pieces or {}

    def root(self) -> Descriptor:
        """The image's manifest or index."""
        return self._root

    def read_manifest(self, descriptor: Descriptor) -> bytes:
        """The verified bytes of a manifest, index or config."""
        is_config = not media.is_manifest(descriptor.media_type) and not media.is_index(descriptor.media_type)
        limit = CONFIG_LIMIT if is_config else MANIFEST_LIMIT
        return verify(read_whole(self._find(descriptor), limit, descriptor.digest), descriptor)

    def blob_chunks(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        """The bytes of a blob from `offset` on, not verified."""
        return self._find(descriptor).chunks(offset)

    def _find(self, descriptor: Descriptor) -> Piece:
        piece = self._pieces.get(descriptor.digest)
        return self._files.find(blob_name(descriptor.digest)) if piece is None else piece


def blob_name(digest: Digest) -> str:
    """Where an OCI layout has a blob. Source: OCI image spec 1.1, image-layout.md, "Blobs"."""
    return f"blobs/sha256/{digest.hex}"
