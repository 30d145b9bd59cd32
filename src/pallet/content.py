"""Where images come from and where they go: the two protocols that one copy function connects.

The registry, the store, docker's archive and the OCI layout each implement source, sink or both, so that pull, push,
save and load are the same function (`pallet.ops.copy`). Blobs travel as iterators of byte chunks; nothing is ever
whole in memory but manifests and configs, which are limited in size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from pallet.digest import Digest
from pallet.errors import Integrity
from pallet.oci.descriptor import Descriptor

CHUNK_SIZE = 256 * 1024
"""Bytes a source should hand over at a time: large enough that Python's share of the work does not matter."""

MANIFEST_LIMIT = 4 * 1024 * 1024
"""The largest manifest or index accepted, in bytes: what registries allow."""

CONFIG_LIMIT = 8 * 1024 * 1024
"""The largest image config accepted, in bytes."""

Advance = Callable[[int], None]
"""Called with the number of bytes that went by."""


class Stopped(Exception):
    """A transfer need not go on, because another one failed or the user ended the command: no error to report."""


class ImageSource(Protocol):
    """Something an image can be read from."""

    def root(self) -> Descriptor:
        """The descriptor of the image that was asked for: a manifest or an index.

        Raises:
            NotFound: there is no such image.
        """

    def read_manifest(self, descriptor: Descriptor) -> bytes:
        """The raw bytes of a manifest, index or config, verified against `descriptor`.

        Raises:
            NotFound: the source lacks it.
            Integrity: the bytes are not what the descriptor promises.
        """

    def blob_chunks(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        """The bytes of a blob from `offset` on, not verified: whoever keeps them verifies them.

        Close the iterator to stop early. Raises as `read_manifest`, and Unavailable when a connection is lost for good.
        """


class ImageSink(Protocol):
    """Something an image can be written to. Children come first, the root manifest next to last, the name last."""

    parallel: int
    """How many blobs may be written side by side."""

    def has_blob(self, descriptor: Descriptor) -> bool:
        """Whether the blob is there already, so that it need not be moved."""

    def put_blob(self, descriptor: Descriptor, source: ImageSource, advance: Advance) -> None:
        """Take one blob from `source`, verify it, keep it.

        Raises:
            Integrity: the bytes are not what the descriptor promises; nothing is kept.
        """

    def put_manifest(self, descriptor: Descriptor, raw: bytes) -> None:
        """Keep a manifest or index whose children are all here."""


def verify(raw: bytes, descriptor: Descriptor) -> bytes:
    """Return `raw` if it is what `descriptor` promises.

    Raises:
        Integrity: another size or digest.
    """
    if len(raw) != descriptor.size:
        raise Integrity(f"{descriptor.digest}: got {len(raw)} bytes instead of {descriptor.size}")
    found = Digest.of(raw)
    if found != descriptor.digest:
        raise Integrity(f"{descriptor.digest}: the content has the digest {found}")
    return raw


def verified(chunks: Iterator[bytes], descriptor: Descriptor) -> Iterator[bytes]:
    """Pass whole-blob `chunks` on, and raise at their end (or as soon as there are too many) unless they match.

    Raises:
        Integrity: another size or digest than `descriptor` promises.
    """
    from hashlib import sha256  # OpenSSL, which whoever moves nothing does without

    hasher = sha256()
    count = 0
    for chunk in chunks:
        count += len(chunk)
        if count > descriptor.size:
            raise Integrity(f"{descriptor.digest}: more than the promised {descriptor.size} bytes")
        hasher.update(chunk)
        yield chunk
    if count != descriptor.size:
        raise Integrity(f"{descriptor.digest}: got {count} bytes instead of {descriptor.size}")
    if hasher.hexdigest() != descriptor.digest.hex:
        raise Integrity(f"{descriptor.digest}: the content has the digest sha256:{hasher.hexdigest()}")
