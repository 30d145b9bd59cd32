"""Whether nothing of an image is missing. On the quick path: a query, and a look at each file."""

from __future__ import annotations

import os

from pallet.digest import Digest
from pallet.layer.placement import snapshot_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.engine import Engine


def is_whole(engine: Engine, image: Digest, manifest: Digest) -> bool:
    """Whether this is one of the image's manifests (and no index), and all its blobs and unpacked layers are here."""
    rows = engine.store.db.rows(
        "SELECT kind, digest, chain_id FROM image_blobs WHERE image = ? AND manifest = ?", (image, manifest)
    )
    snapshots = os.path.join(engine.settings.root, "snapshots")
    return ("manifest", manifest, None) in rows and all(
        engine.store.blobs.has(Digest(digest)) and (not chain or os.path.exists(snapshot_path(snapshots, chain)))
        for _, digest, chain in rows
    )
