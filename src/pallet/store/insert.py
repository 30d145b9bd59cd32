"""Recording an image: its row, its layers, its blobs, in one transaction."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from pallet.digest import Digest
from pallet.errors import Integrity
from pallet.oci.chain import chain_ids
from pallet.oci.config import ImageConfig
from pallet.oci.descriptor import Descriptor
from pallet.oci.manifest import Manifest
from pallet.store.db import Database
from pallet.store.rows import ZERO_TIME

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = (1 << 63) - 1


def insert(
    db: Database, config: ImageConfig, manifest: Manifest, unpacked: tuple[int, ...], parent: str, comment: str
) -> bool:
    """See `Images.add`."""
    layers = manifest.layers
    if not len(config.diff_ids) == len(layers) == len(unpacked):
        raise Integrity("layers from manifest don't match image configuration")
    if config.id != manifest.config.digest:
        raise Integrity(f"the manifest {manifest.digest} belongs to another config than {config.id}")
    id = config.id
    chains = chain_ids(config.diff_ids)
    with db.transaction() as connection:
        now = time.time_ns()
        added = connection.execute(
            "INSERT OR IGNORE INTO images (id, created, size, parent, comment, added) VALUES (?, ?, ?, ?, ?, ?)",
            (id, nanoseconds(config.created), sum(unpacked), parent, comment, now),
        )
        connection.executemany(
            "INSERT OR IGNORE INTO layers (chain_id, diff_id, parent, size) VALUES (?, ?, ?, ?)",
            zip(chains, config.diff_ids, ("", *chains), unpacked, strict=False),
        )
        (arrived,) = connection.execute(
            "SELECT count(*) FROM image_blobs WHERE image = ? AND kind = 'manifest' AND digest != ?",
            (id, manifest.digest),
        ).fetchone()
        rows: list[tuple[str, int, Descriptor, Digest | None]] = [
            ("manifest", arrived, manifest.descriptor, None),
            ("config", 0, manifest.config, None),
        ]
        rows += [("layer", place, layer, chains[place]) for place, layer in enumerate(layers)]
        connection.executemany(
            "INSERT OR IGNORE INTO image_blobs (image, manifest, kind, position, digest, media_type, size, chain_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (id, manifest.digest, kind, position, blob.digest, blob.media_type, blob.size, chain)
                for kind, position, blob, chain in rows
            ],
        )
        return added.rowcount > 0


def nanoseconds(created: str | None) -> int:
    """A config's RFC 3339 time as nanoseconds since the epoch, within 64 bits; `ZERO_TIME` for none or nonsense."""
    if not created:
        return ZERO_TIME
    try:
        moment = datetime.fromisoformat(created)
    except ValueError:
        return ZERO_TIME
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment.replace(microsecond=0) - _EPOCH
    digits = ""
    if "." in created:
        for character in created.partition(".")[2]:
            if not character.isdigit():
                break
            digits += character
    fraction = int(digits[:9].ljust(9, "0"))
    return max(ZERO_TIME, min(_LAST, (since.days * 86400 + since.seconds) * 1_000_000_000 + fraction))
