"""Indexes (manifest lists): one name, many platforms. Source: OCI image spec 1.1, image-index.md."""

from __future__ import annotations

import msgspec

from pallet.errors import NotFound, Unsupported
from pallet.oci import media
from pallet.oci.codec import decode, encode
from pallet.oci.descriptor import Descriptor
from pallet.oci.document import RawDocument
from pallet.platform import Platform, rank


class _Document(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    schema_version: int
    media_type: str = ""
    manifests: tuple[Descriptor, ...] | None = None
    annotations: dict[str, str] | None = None


class Index(RawDocument, frozen=True):
    """The manifests that one name stands for, with the bytes they were read from."""

    manifests: tuple[Descriptor, ...]

    def choose(self, wanted: Platform) -> Descriptor:
        """The manifest that suits `wanted` best; the first of equals.

        Raises:
            NotFound: no manifest runs there.
        """
        best: tuple[int, Descriptor] | None = None
        for candidate in self.manifests:
            fit = rank(candidate.platform, wanted) if candidate.platform else None
            if fit is not None and (best is None or fit < best[0]):
                best = (fit, candidate)
        if best is None:
            raise NotFound(f"no matching manifest for {wanted} in the manifest list entries")
        return best[1]


def parse_index(raw: bytes, media_type: str = "") -> Index:
    """Parse an index.

    Raises:
        InvalidInput: not an index.
        Unsupported: another schema version.
    """
    document = decode(raw, _Document, "the image index")
    if document.schema_version != 2 or document.manifests is None:
        raise Unsupported("unsupported image index")
    return Index(raw, document.media_type or media_type or media.OCI_INDEX, document.manifests)


def make_index(manifests: tuple[Descriptor, ...], annotations: dict[str, str] | None = None) -> Index:
    """Write a new OCI index over manifests."""
    raw = encode(_Document(2, media.OCI_INDEX, manifests, annotations or None))
    return Index(raw, media.OCI_INDEX, manifests)
