"""Descriptors: the type, digest and size that name a blob. Source: OCI image spec 1.1, descriptor.md."""

from __future__ import annotations

import msgspec

from pallet.digest import Digest
from pallet.platform import Platform


class Descriptor(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """What a blob is, by its content."""

    media_type: str
    digest: Digest
    size: int
    urls: tuple[str, ...] = ()
    annotations: dict[str, str] = {}
    platform: Platform | None = None
    artifact_type: str = ""

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError("a descriptor's size cannot be negative")


def describe(raw: bytes, media_type: str) -> Descriptor:
    """The descriptor of these bytes."""
    return Descriptor(media_type, Digest.of(raw), len(raw))
