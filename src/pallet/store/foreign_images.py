"""Images for other machines. Names stand for what runs here, so what they meant for other machines is kept apart."""

from __future__ import annotations

from pallet.digest import Digest
from pallet.reference import Reference
from pallet.store.db import Database


class ForeignImage:
    """An image that is here, and the digest that its registry had for its name."""

    __slots__ = ("digest", "image", "manifest")

    def __init__(self, digest: Digest, image: Digest, manifest: Digest) -> None:
        self.digest = digest
        self.image = image
        self.manifest = manifest


def find_foreign(db: Database, reference: Reference, platform: str) -> ForeignImage | None:
    """What a name meant for a platform when its registry was asked last.

    None if nobody has asked, the image is gone, or the name was pulled again for this machine and is another one now.
    """
    row = db.row(
        "SELECT digest, image, manifest FROM foreign_images f WHERE reference = ? AND platform = ?"
        " AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.name = ? AND t.tag = ?"
        " AND NOT EXISTS (SELECT 1 FROM repo_digests r"
        " WHERE r.name = t.name AND r.image = t.image AND r.digest = f.digest))",
        (str(reference), platform, reference.name, reference.tag),
    )
    return None if row is None else ForeignImage(*map(Digest, row))


def keep_foreign(db: Database, reference: Reference, platform: str, found: ForeignImage) -> None:
    """Remember what a name meant; the image is here."""
    with db.transaction() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO foreign_images VALUES (?, ?, ?, ?, ?)",
            (str(reference), platform, found.digest, found.image, found.manifest),
        )
