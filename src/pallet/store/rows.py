"""Rows of the database as values: tuples with names, because listing a thousand images must cost next to nothing.

Each class is the tuple that SQLite gives, so making one from a row is one call; `ImageRow(row)`.
"""

from __future__ import annotations

from pallet.digest import Digest

ZERO_TIME = -(1 << 63)
"""The `created` of an image whose config has no date: Go's zero time, as far back as 64 bits of nanoseconds go."""


class ImageRow(tuple[str, int, int, str, str, int, int, int]):
    """One image: what a listing shows of it."""

    __slots__ = ()
    COLUMNS = "id, created, size, parent, comment, added, tagged, used"

    @property
    def id(self) -> Digest:
        """The digest of the config."""
        return Digest(self[0])

    @property
    def created(self) -> int:
        """When it was made, by its config: nanoseconds since the epoch, or `ZERO_TIME`."""
        return self[1]

    @property
    def size(self) -> int:
        """Bytes of all its unpacked layers, as docker counts them."""
        return self[2]

    @property
    def parent(self) -> str:
        """The id of the local image it was made from, or empty."""
        return self[3]

    @property
    def comment(self) -> str:
        """docker's local comment (commit, import)."""
        return self[4]

    @property
    def added(self) -> int:
        """When it came into this store, nanoseconds since the epoch."""
        return self[5]

    @property
    def tagged(self) -> int:
        """When it last got a name, nanoseconds since the epoch; 0 for never."""
        return self[6]

    @property
    def used(self) -> int:
        """When a container was last made from it, nanoseconds since the epoch; 0 for never."""
        return self[7]


class TagRow(tuple[str, str, str, str]):
    """One name of an image."""

    __slots__ = ()
    COLUMNS = "name, tag, image, manifest"

    @property
    def name(self) -> str:
        """Registry and repository, normalised: `docker.io/library/ubuntu`."""
        return self[0]

    @property
    def tag(self) -> str:
        """`18.04`."""
        return self[1]

    @property
    def image(self) -> Digest:
        """The image's id."""
        return Digest(self[2])

    @property
    def manifest(self) -> Digest:
        """The manifest that a push of this name sends."""
        return Digest(self[3])


class DigestRow(tuple[str, str, str]):
    """One name@digest of an image, as a registry called it."""

    __slots__ = ()
    COLUMNS = "name, digest, image"

    @property
    def name(self) -> str:
        """Registry and repository, normalised: `docker.io/library/ubuntu`."""
        return self[0]

    @property
    def digest(self) -> Digest:
        """Of the manifest or index in the registry."""
        return Digest(self[1])

    @property
    def image(self) -> Digest:
        """The image's id."""
        return Digest(self[2])


class LayerRow(tuple[str, str, int, str, str, int]):
    """One layer of an image: its blob, and what it is unpacked."""

    __slots__ = ()
    COLUMNS = "b.digest, b.media_type, b.size, l.diff_id, l.chain_id, l.size"

    @property
    def digest(self) -> Digest:
        """Of the blob, as it is stored."""
        return Digest(self[0])

    @property
    def media_type(self) -> str:
        """Of the blob."""
        return self[1]

    @property
    def size(self) -> int:
        """Bytes of the blob."""
        return self[2]

    @property
    def diff_id(self) -> Digest:
        """The digest of the uncompressed tar."""
        return Digest(self[3])

    @property
    def chain_id(self) -> Digest:
        """The layer together with all below it: the key of its snapshot."""
        return Digest(self[4])

    @property
    def unpacked(self) -> int:
        """Bytes of the unpacked layer, as docker counts them."""
        return self[5]


class LayerUse(tuple[str, str, int]):
    """That an image stands on a chain; for counting what images share."""

    __slots__ = ()

    @property
    def image(self) -> Digest:
        """The image's id."""
        return Digest(self[0])

    @property
    def chain_id(self) -> Digest:
        """One chain of the image."""
        return Digest(self[1])

    @property
    def unpacked(self) -> int:
        """Bytes of the unpacked layer of that chain."""
        return self[2]


class Match:
    """What a name or id stands for.

    Attributes:
        image: the image's id.
        manifest: the manifest meant: the tag's, the digest's, or the image's first.
        tag: the tag that matched, if it was a tag.
        digest: the name@digest that matched, if it was one.
    """

    __slots__ = ("digest", "image", "manifest", "tag")

    def __init__(
        self, image: Digest, manifest: Digest, tag: TagRow | None = None, digest: DigestRow | None = None
    ) -> None:
        self.image = image
        self.manifest = manifest
        self.tag = tag
        self.digest = digest

    def __repr__(self) -> str:
        return f"Match({self.image!r}, {self.manifest!r}, {self.tag!r}, {self.digest!r})"
