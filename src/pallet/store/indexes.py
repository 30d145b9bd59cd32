"""Indexes of images built here: one name that stands for several manifests.

An index belongs to the one image of it that this store runs. Beside that image's rows are those of the index (kind
`index`) and of each blob that it leads to (kind `member`), so that all of them stay as long as it does: while a tag
stands for it, and the newest one as long as the image is here.
"""

from __future__ import annotations

from collections.abc import Iterable

from pallet.digest import Digest
from pallet.errors import NoSuchImage
from pallet.oci.descriptor import Descriptor
from pallet.oci.index import Index
from pallet.store import garbage
from pallet.store.db import Database

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _sqlite3 import Connection

_INSERT = (
    "INSERT INTO image_blobs (image, manifest, kind, position, digest, media_type, size) VALUES (?, ?, ?, ?, ?, ?, ?)"
)


def add_index(db: Database, image: Digest, index: Index, members: Iterable[Descriptor]) -> None:
    """See `Images.add_index`."""
    unique = {blob.digest: blob for blob in members}
    with db.transaction() as connection:
        if connection.execute("SELECT 1 FROM images WHERE id = ?", (image,)).fetchone() is None:
            raise NoSuchImage(image)
        _forget(connection, image, index.digest)
        (last,) = connection.execute(
            "SELECT coalesce(max(position), -1) FROM image_blobs WHERE image = ? AND kind = 'index'", (image,)
        ).fetchone()
        rows = [("index", last + 1, index.descriptor)]
        rows += [("member", place, blob) for place, blob in enumerate(unique.values())]
        connection.executemany(
            _INSERT,
            [
                (image, index.digest, kind, position, blob.digest, blob.media_type, blob.size)
                for kind, position, blob in rows
            ],
        )
        drop_unused(connection, image)


def find_index(db: Database, image: Digest, digest: Digest) -> Descriptor | None:
    """See `Images.index_of`."""
    row = db.row(
        "SELECT media_type, digest, size FROM image_blobs WHERE image = ? AND kind = 'index' AND digest = ?",
        (image, digest),
    )
    return Descriptor(row[0], Digest(row[1]), row[2]) if row else None


def index_parts(db: Database, image: Digest) -> list[tuple[Descriptor, list[Descriptor]]]:
    """The image's indexes, each with all blobs that it leads to."""
    rows = db.rows(
        "SELECT manifest, kind, media_type, digest, size FROM image_blobs"
        " WHERE image = ? AND kind IN ('index', 'member') ORDER BY manifest, kind, position",  # `index` comes first
        (image,),
    )
    found: list[tuple[Descriptor, list[Descriptor]]] = []
    for _, kind, media_type, digest, size in rows:
        blob = Descriptor(media_type, Digest(digest), size)
        if kind == "index":
            found.append((blob, []))
        else:
            found[-1][1].append(blob)
    return found


def has_own(db: Database, image: Digest, keys: Iterable[str]) -> bool:
    """Whether one of these findings' keys is something else than a blob that only an index leads to."""
    led_to = "SELECT digest FROM image_blobs WHERE image = ? AND kind IN ('index', 'member')"
    own = "SELECT digest FROM image_blobs WHERE image = ? AND kind NOT IN ('index', 'member')"
    rows = db.rows(f"{led_to} EXCEPT {own}", (image, image))
    return not {digest for (digest,) in rows}.issuperset(keys)


def drop_unused(connection: Connection, image: str) -> None:
    """Forget the image's indexes that no tag stands for, but the newest; their blobs are noted as garbage."""
    rows = connection.execute(
        "SELECT digest FROM image_blobs b WHERE image = ? AND kind = 'index' AND NOT EXISTS"
        " (SELECT 1 FROM tags WHERE tags.image = b.image AND tags.manifest = b.digest)"
        " AND position < (SELECT max(position) FROM image_blobs WHERE image = b.image AND kind = 'index')",
        (image,),
    ).fetchall()
    for (digest,) in rows:
        _forget(connection, image, digest)


def drop_index(db: Database, image: Digest, digest: Digest) -> None:
    """Forget an index; its tags stand for the image's first manifest from now on."""
    with db.transaction() as connection:
        connection.execute(
            "UPDATE tags SET manifest = (SELECT digest FROM image_blobs b WHERE b.image = tags.image"
            " AND kind = 'manifest' ORDER BY position LIMIT 1) WHERE image = ? AND manifest = ?",
            (image, digest),
        )
        _forget(connection, image, digest)
        garbage.strike_out_used(connection)


def _forget(connection: Connection, image: str, digest: str) -> None:
    of_it = "FROM image_blobs WHERE image = ? AND manifest = ? AND kind IN ('index', 'member')"
    connection.execute(f"INSERT OR IGNORE INTO garbage SELECT 'blob', digest {of_it}", (image, digest))
    connection.execute(f"DELETE {of_it}", (image, digest))
