"""What manifests and indexes have in common: the bytes they were read from. Source: OCI image spec 1.1."""

from __future__ import annotations

import msgspec

from pallet.digest import Digest
from pallet.oci.descriptor import Descriptor


class RawDocument(msgspec.Struct, frozen=True):
    """A document as it came.

    Attributes:
        raw: its bytes, which its digest is of.
        media_type: what it is.
    """

    raw: bytes
    media_type: str

    @property
    def digest(self) -> Digest:
        """The digest of the raw bytes."""
        return Digest.of(self.raw)

    @property
    def descriptor(self) -> Descriptor:
        """What this document is, to refer to it."""
        return Descriptor(self.media_type, self.digest, len(self.raw))
