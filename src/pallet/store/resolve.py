"""From a user's word to an image, in docker's order. Source: moby, daemon/images GetImage, and its reference store."""

from __future__ import annotations

from pallet.digest import HEX_DIGITS, Digest
from pallet.errors import NoSuchImage
from pallet.store.rows import DigestRow, Match, TagRow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.reference import Reference
    from pallet.store.db import Database


def resolve(db: Database, text: str) -> Match:
    """See `Images.resolve`."""
    digits = text.removeprefix("sha256:")
    hexadecimal = bool(digits) and HEX_DIGITS.issuperset(digits)
    if hexadecimal and len(digits) == 64:
        id = Digest("sha256:" + digits)
        if db.row("SELECT 1 FROM images WHERE id = ?", (id,)) is None:
            raise NoSuchImage(id)
        return Match(id, _first_manifest(db, id))
    from pallet.reference import parse

    reference = parse(text).with_default_tag()
    match = _by_digest(db, reference) if reference.digest else _by_tag(db, reference)
    if match is None and hexadecimal and len(digits) < 64:
        match = _by_prefix(db, digits)
    if match is None:
        raise NoSuchImage(reference.familiar)
    return match


def _by_tag(db: Database, reference: Reference) -> Match | None:
    sql = f"SELECT {TagRow.COLUMNS} FROM tags WHERE name = ? AND tag = ?"
    row = db.row(sql, (reference.name, reference.tag))
    if row is None:
        return None
    tag = TagRow(row)
    return Match(tag.image, tag.manifest, tag=tag)


def _by_digest(db: Database, reference: Reference) -> Match | None:
    """By what a registry called it; or by one of its manifests or indexes, if the image has that repository's name.

    A tag beside a digest does not count: the digest says it all.
    """
    sql = f"SELECT {DigestRow.COLUMNS} FROM repo_digests WHERE name = ? AND digest = ?"
    row = db.row(sql, (reference.name, reference.digest))
    if row is not None:
        found = DigestRow(row)
        return Match(found.image, _manifest_or_first(db, found.image, found.digest), digest=found)
    row = db.row(
        "SELECT image FROM image_blobs b WHERE digest = ? AND kind IN ('manifest', 'index')"
        " AND EXISTS (SELECT 1 FROM tags WHERE tags.image = b.image AND tags.name = ?)",
        (reference.digest, reference.name),
    )
    if row is None or reference.digest is None:
        return None
    return Match(Digest(row[0]), reference.digest)


def _by_prefix(db: Database, digits: str) -> Match | None:
    low = "sha256:" + digits
    rows = db.rows("SELECT id FROM images WHERE id >= ? AND id < ? LIMIT 2", (low, low + "g"))
    if len(rows) != 1:
        return None
    id = Digest(rows[0][0])
    return Match(id, _first_manifest(db, id))


def _manifest_or_first(db: Database, image: Digest, digest: Digest) -> Digest:
    """`digest` if it is a manifest or index of the image here; the first one if it is an index that led to it."""
    sql = "SELECT 1 FROM image_blobs WHERE image = ? AND manifest = ? AND kind IN ('manifest', 'index')"
    return digest if db.row(sql, (image, digest)) else _first_manifest(db, image)


def _first_manifest(db: Database, image: Digest) -> Digest:
    """The image's newest index; without one its first manifest."""
    row = db.row(
        "SELECT digest FROM image_blobs WHERE image = ? AND kind IN ('index', 'manifest')"
        " ORDER BY kind, CASE kind WHEN 'index' THEN -position ELSE position END LIMIT 1",
        (image,),
    )
    if row is None:
        raise NoSuchImage(image)
    return Digest(row[0])
