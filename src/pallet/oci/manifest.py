"""Image manifests. Source: OCI image spec 1.1, manifest.md; docker image manifest v2, schema 2."""

from __future__ import annotations

import msgspec

from pallet.errors import Unsupported
from pallet.oci import media
from pallet.oci.codec import decode, encode
from pallet.oci.descriptor import Descriptor
from pallet.oci.document import RawDocument


class _Document(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    schema_version: int
    media_type: str = ""
    artifact_type: str = ""
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] | None = None
    subject: Descriptor | None = None
    annotations: dict[str, str] | None = None


class Manifest(RawDocument, frozen=True):
    """One image for one platform: its config and its layers, bottom first, with the bytes it was read from."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: dict[str, str]

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """Config and layers, each digest once."""
        return tuple({blob.digest: blob for blob in (self.config, *self.layers)}.values())


def parse_manifest(raw: bytes, media_type: str = "") -> Manifest:
    """Parse a manifest.

    Args:
        raw: the bytes, kept as they are.
        media_type: what the registry or descriptor called it; a `mediaType` in the document wins.

    Raises:
        InvalidInput: not a manifest.
        Unsupported: schema 1, or not an image.
    """
    document = decode(raw, _Document, "the image manifest")
    found = document.media_type or media_type
    if document.schema_version != 2 or found in (media.DOCKER_MANIFEST_V1, media.DOCKER_MANIFEST_V1_SIGNED):
        raise Unsupported(
            "the image has a schema 1 manifest, which is no longer supported",
            hint="push the image again with a current docker or pallet",
        )
    if document.config is None or document.layers is None:
        raise Unsupported(f"unsupported manifest: {found or 'no media type'}")
    if found not in media.MANIFESTS:
        found = media.DOCKER_MANIFEST if document.config.media_type == media.DOCKER_CONFIG else media.OCI_MANIFEST
    return Manifest(raw, found, document.config, document.layers, document.annotations or {})


def make_manifest(
    config: Descriptor, layers: tuple[Descriptor, ...], media_type: str, annotations: dict[str, str] | None = None
) -> Manifest:
    """Write a new manifest of the given type over a config and layers."""
    raw = encode(_Document(2, media_type, "", config, layers, None, annotations or None))
    return Manifest(raw, media_type, config, layers, annotations or {})
