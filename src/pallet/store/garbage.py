"""The list of garbage: blobs and chains that lost their last user, noted in the transaction in which they lost it.

A chain is used by an image one of whose layers ends it, and by a container or a result of the build cache that stands
on it or on a chain above it. A note is no verdict: the collector strikes out what found a user meanwhile before it
removes anything.
"""

from __future__ import annotations

from pallet.digest import Digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _sqlite3 import Connection

# Chains from `chain` downwards, the top first.
_DOWN_FROM = """
    WITH RECURSIVE down (chain, depth) AS (
        SELECT ?, 0
        UNION ALL
        SELECT layers.parent, depth + 1 FROM down JOIN layers ON layers.chain_id = down.chain WHERE layers.parent != ''
    )
"""

USED_CHAINS = """
    WITH RECURSIVE held (chain) AS (
        SELECT chain_id FROM containers WHERE chain_id != ''
        UNION
        SELECT chain_id FROM build_cache
        UNION
        SELECT parent FROM held JOIN layers ON layers.chain_id = held.chain WHERE parent != ''
    )
    SELECT chain FROM held
    UNION SELECT chain_id FROM image_blobs WHERE chain_id IS NOT NULL
"""
"""Every chain that an image, a container or the build cache needs."""

USED_BLOBS = "SELECT digest FROM image_blobs UNION SELECT blob FROM build_cache"
"""Every blob that an image or the build cache needs."""


def note_image(connection: Connection, image: Digest) -> list[Digest]:
    """Note all blobs and chains of an image; give its chains, top first."""
    connection.execute("INSERT OR IGNORE INTO garbage SELECT 'blob', digest FROM image_blobs WHERE image = ?", (image,))
    rows = connection.execute(
        "SELECT DISTINCT chain_id, position FROM image_blobs"
        " WHERE image = ? AND chain_id IS NOT NULL ORDER BY position DESC",
        (image,),
    ).fetchall()
    for chain, _ in rows:
        _note_chain(connection, chain)
    return [Digest(chain) for chain, _ in rows]


def note_chain(connection: Connection, chain: str) -> None:
    """Note a chain and all below it."""
    rows = connection.execute(_DOWN_FROM + "SELECT chain FROM down ORDER BY depth", (chain,)).fetchall()
    for (below,) in rows:
        _note_chain(connection, below)


def _note_chain(connection: Connection, chain: str) -> None:
    connection.execute("INSERT OR IGNORE INTO garbage VALUES ('snapshot', ?)", (chain,))


def note_blob(connection: Connection, digest: str) -> None:
    """Note a blob."""
    connection.execute("INSERT OR IGNORE INTO garbage VALUES ('blob', ?)", (digest,))


def strike_out_used(connection: Connection) -> None:
    """Take everything off the list that something uses."""
    connection.execute(
        "DELETE FROM garbage WHERE kind = 'blob' AND (EXISTS (SELECT 1 FROM image_blobs WHERE digest = garbage.key)"
        " OR EXISTS (SELECT 1 FROM build_cache WHERE blob = garbage.key))"
    )
    connection.execute(f"DELETE FROM garbage WHERE kind = 'snapshot' AND key IN ({USED_CHAINS})")


def is_noted(connection: Connection, chain: Digest) -> bool:
    """Whether this chain is on the list."""
    found = connection.execute("SELECT 1 FROM garbage WHERE kind = 'snapshot' AND key = ?", (chain,)).fetchone()
    return found is not None
