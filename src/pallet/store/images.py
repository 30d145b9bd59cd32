"""Images: names, ids, and what they are made of.

Reads are single queries and import nothing heavy; writes are one transaction each, or join the caller's
(`with db.transaction()`). An image's blobs come first, its row last; on the way out the row goes first, and what
nothing uses any more is noted as garbage in the same transaction, for `pallet.store.gc`.

Whoever adds (or makes a container) holds `Store.adding()` from before it looks at what is here until its row is there.
"""

from __future__ import annotations

import time

from pallet.digest import Digest
from pallet.errors import NoSuchImage
from pallet.store.rows import DigestRow, ImageRow, LayerRow, LayerUse, Match, TagRow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _sqlite3 import Connection
    from collections.abc import Iterable

    from pallet.oci.config import ImageConfig
    from pallet.oci.descriptor import Descriptor
    from pallet.oci.index import Index
    from pallet.oci.manifest import Manifest
    from pallet.reference import Reference
    from pallet.store.db import Database

_STACK = f"""
    SELECT {LayerRow.COLUMNS} FROM image_blobs b JOIN layers l ON l.chain_id = b.chain_id
    WHERE b.image = ? AND b.manifest = ? AND b.kind = 'layer' ORDER BY b.position
"""


class Images:
    """The images of one store."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def rows(self) -> list[ImageRow]:
        """All images, newest first."""
        return list(map(ImageRow, self._db.rows(f"SELECT {ImageRow.COLUMNS} FROM images ORDER BY created DESC")))

    def tags(self) -> list[TagRow]:
        """All tags, by name."""
        return list(map(TagRow, self._db.rows(f"SELECT {TagRow.COLUMNS} FROM tags ORDER BY name, tag")))

    def repo_digests(self) -> list[DigestRow]:
        """All names with digests, by name."""
        rows = self._db.rows(f"SELECT {DigestRow.COLUMNS} FROM repo_digests ORDER BY name, digest")
        return [DigestRow(row) for row in rows]

    def layer_uses(self) -> list[LayerUse]:
        """Which image stands on which chains, each pair once."""
        rows = self._db.rows(
            "SELECT DISTINCT b.image, l.chain_id, l.size FROM image_blobs b JOIN layers l ON l.chain_id = b.chain_id"
        )
        return [LayerUse(row) for row in rows]

    def get(self, id: Digest) -> ImageRow:
        """The image with this id.

        Raises:
            NoSuchImage: it is not here.
        """
        row = self._db.row(f"SELECT {ImageRow.COLUMNS} FROM images WHERE id = ?", (id,))
        if row is None:
            raise NoSuchImage(id)
        return ImageRow(row)

    def has(self, id: Digest) -> bool:
        """Whether the image is here."""
        return self._db.row("SELECT 1 FROM images WHERE id = ?", (id,)) is not None

    def resolve(self, text: str) -> Match:
        """The image that a user's word means: an id, a name, or the beginning of an id, in docker's order.

        Source: moby, daemon/images GetImage. 64 hex digits, alone or behind `sha256:`, are an id and nothing else. A
        name without tag means `latest`. A prefix that fits several ids means none of them.

        Raises:
            NoSuchImage: there is none; the text is that of docker's daemon (`No such image: ubuntu:latest`).
            InvalidReference: neither an id nor a name.
        """
        from pallet.store.resolve import resolve

        return resolve(self._db, text)

    def tags_of(self, id: Digest) -> list[TagRow]:
        """The image's tags, by name."""
        sql = f"SELECT {TagRow.COLUMNS} FROM tags WHERE image = ? ORDER BY name, tag"
        return [TagRow(row) for row in self._db.rows(sql, (id,))]

    def repo_digests_of(self, id: Digest) -> list[DigestRow]:
        """The image's names with digests, by name."""
        sql = f"SELECT {DigestRow.COLUMNS} FROM repo_digests WHERE image = ? ORDER BY name, digest"
        return [DigestRow(row) for row in self._db.rows(sql, (id,))]

    def manifests_of(self, id: Digest) -> tuple[Descriptor, ...]:
        """The image's manifests, in the order in which they came; at least one.

        Raises:
            NoSuchImage: it is not here.
        """
        return self._blobs_of(id, "manifest")

    def config_of(self, id: Digest) -> Descriptor:
        """The image's config.

        Raises:
            NoSuchImage: it is not here.
        """
        return self._blobs_of(id, "config")[0]

    def layers_of(self, id: Digest, manifest: Digest | None = None) -> tuple[LayerRow, ...]:
        """The image's layers, bottom first.

        Args:
            id: the image.
            manifest: one of the image's manifests; without it the first.

        Raises:
            NoSuchImage: it is not here.
        """
        if manifest is None:
            sql = "SELECT digest FROM image_blobs WHERE image = ? AND kind = 'manifest' ORDER BY position LIMIT 1"
            row = self._db.row(sql, (id,))
            if row is None:
                raise NoSuchImage(id)
            manifest = Digest(row[0])
        return tuple(LayerRow(row) for row in self._db.rows(_STACK, (id, manifest)))

    def children(self, id: Digest) -> list[Digest]:
        """The ids of the images made from this one here."""
        rows = self._db.rows("SELECT id FROM images WHERE parent = ? ORDER BY created", (id,))
        return [Digest(row[0]) for row in rows]

    def add(
        self, config: ImageConfig, manifest: Manifest, unpacked: tuple[int, ...], *, parent: str = "", comment: str = ""
    ) -> bool:
        """Record an image, or one more manifest of an image that is here. Its blobs and snapshots must be here.

        Args:
            config: the image's config.
            manifest: one manifest with that config.
            unpacked: bytes of each unpacked layer, bottom first.
            parent: the id of the local image it was made from, or empty.
            comment: docker's local comment.

        Returns:
            Whether the image is new.

        Raises:
            Integrity: config and manifest do not have the same number of layers.
        """
        from pallet.store.insert import insert

        return insert(self._db, config, manifest, unpacked, parent, comment)

    def add_index(self, image: Digest, index: Index, members: Iterable[Descriptor]) -> None:
        """Record an index that leads to an image here, and keep what else it leads to as long as it is needed.

        Args:
            image: the image's id.
            index: the index; its bytes are here.
            members: all manifests, configs and layers below it; their bytes are here.

        Raises:
            NoSuchImage: the image is not here.
        """
        from pallet.store.indexes import add_index

        add_index(self._db, image, index, members)

    def led_to(self) -> set[str]:
        """The ids of images that an index of another image leads to: the same for other platforms."""
        rows = self._db.rows(
            "SELECT id FROM images JOIN image_blobs b ON b.digest = id WHERE b.kind = 'member' AND b.image != id"
        )
        return {row[0] for row in rows}

    def index_of(self, id: Digest, digest: Digest) -> Descriptor | None:
        """The image's index with this digest; None if that is none."""
        from pallet.store.indexes import find_index

        return find_index(self._db, id, digest)

    def tag(self, reference: Reference, image: Digest, manifest: Digest) -> Digest | None:
        """Give a name to an image; a name that is taken moves.

        Args:
            reference: the name; `latest` if it has no tag.
            image: the image's id.
            manifest: the one of its manifests, or its index, that a push of the name sends.

        Returns:
            The image that had the name before (it may be the same one), or None.

        Raises:
            NoSuchImage: the image is not here.
        """
        key = (reference.name, reference.tag or "latest")
        with self._db.transaction() as connection:
            row = connection.execute("SELECT image FROM tags WHERE name = ? AND tag = ?", key).fetchone()
            changed = connection.execute("UPDATE images SET tagged = ? WHERE id = ?", (time.time_ns(), image))
            if changed.rowcount == 0:
                raise NoSuchImage(image)
            connection.execute("INSERT OR REPLACE INTO tags VALUES (?, ?, ?, ?)", (*key, image, manifest))
            if row:
                _drop_unused_indexes(connection, row[0])
        return Digest(row[0]) if row else None

    def untag(self, reference: Reference) -> bool:
        """Take a name away (`latest` if it has no tag); tell whether it was there."""
        with self._db.transaction() as connection:
            key = (reference.name, reference.tag or "latest")
            row = connection.execute("DELETE FROM tags WHERE name = ? AND tag = ? RETURNING image", key).fetchone()
            if row:
                _drop_unused_indexes(connection, row[0])
            return row is not None

    def add_repo_digest(self, reference: Reference, image: Digest) -> None:
        """Record what a registry calls an image: name and digest of `reference`, of a manifest or an index.

        Raises:
            NoSuchImage: the image is not here.
        """
        with self._db.transaction() as connection:
            if connection.execute("SELECT 1 FROM images WHERE id = ?", (image,)).fetchone() is None:
                raise NoSuchImage(image)
            connection.execute(
                "INSERT OR IGNORE INTO repo_digests VALUES (?, ?, ?)", (reference.name, reference.digest, image)
            )

    def remove_repo_digest(self, reference: Reference, image: Digest | None = None) -> bool:
        """Forget name and digest of `reference`, of one image or of all that have it; tell whether it was there."""
        with self._db.transaction() as connection:
            gone = connection.execute(
                "DELETE FROM repo_digests WHERE name = ? AND digest = ? AND (? IS NULL OR image = ?)",
                (reference.name, reference.digest, image, image),
            )
            return gone.rowcount > 0

    def drop_manifest(self, image: Digest, old: Digest, new: Digest) -> None:
        """Forget one manifest of an image in favour of another one that is recorded: names that stood for it follow."""
        from pallet.store import garbage

        with self._db.transaction() as connection:
            connection.execute("UPDATE tags SET manifest = ? WHERE image = ? AND manifest = ?", (new, image, old))
            garbage.note_image(connection, image)
            connection.execute("DELETE FROM image_blobs WHERE image = ? AND manifest = ?", (image, old))
            garbage.strike_out_used(connection)

    def touch(self, id: Digest, when: int) -> None:
        """Record that the image was used at `when` (nanoseconds since the epoch)."""
        with self._db.transaction() as connection:
            connection.execute("UPDATE images SET used = max(used, ?) WHERE id = ?", (when, id))

    def delete(self, id: Digest) -> tuple[Digest, ...]:
        """Forget an image with all its names. What nothing uses any more is noted as garbage: collect it next.

        Returns:
            The chain IDs that nothing uses any more, top first.

        Raises:
            NoSuchImage: it is not here.
        """
        from pallet.store import garbage

        with self._db.transaction() as connection:
            chains = garbage.note_image(connection, id)
            connection.execute("DELETE FROM tags WHERE image = ?", (id,))
            connection.execute("DELETE FROM repo_digests WHERE image = ?", (id,))
            if connection.execute("DELETE FROM images WHERE id = ?", (id,)).rowcount == 0:
                raise NoSuchImage(id)
            # What is still in use is no garbage; what remains is reported.
            garbage.strike_out_used(connection)
            return tuple(chain for chain in chains if garbage.is_noted(connection, chain))

    def _blobs_of(self, id: Digest, kind: str) -> tuple[Descriptor, ...]:
        from pallet.oci.descriptor import Descriptor

        rows = self._db.rows(
            "SELECT b.media_type, b.digest, b.size FROM image_blobs b"
            " JOIN image_blobs m ON m.image = b.image AND m.manifest = b.manifest AND m.kind = 'manifest'"
            " WHERE b.image = ? AND b.kind = ? ORDER BY m.position",
            (id, kind),
        )
        if not rows:
            raise NoSuchImage(id)
        return tuple(Descriptor(media_type, Digest(digest), size) for media_type, digest, size in rows)


def _drop_unused_indexes(connection: Connection, image: str) -> None:
    if connection.execute("SELECT 1 FROM image_blobs WHERE image = ? AND kind = 'index'", (image,)).fetchone():
        from pallet.store.indexes import drop_unused

        drop_unused(connection, image)
