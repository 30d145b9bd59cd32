"""The build cache: what a step of a build made, found by the digest of all that went into it.

A result is a layer: its chain ID leads to what is unpacked, its blob goes into images. Both stay as long as a row names
them; on the way out what nothing else uses is noted as garbage in the same transaction.

Beside it, digests of files of build contexts by what stat(2) says of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from pallet.digest import Digest
from pallet.oci.descriptor import Descriptor
from pallet.store import garbage
from pallet.store.db import Database
from pallet.store.last_builds import touch

_BATCH = 500  # values in one query: SQLite's limit was 999 for long


class CachedLayer(msgspec.Struct, frozen=True):
    """A result of the build cache.

    Attributes:
        key: what it is found by.
        chain_id: the layer together with all below it.
        parent: the chain ID below, "" for none.
        diff_id: the digest of the layer's uncompressed tar.
        blob: the compressed layer.
        size: bytes of the unpacked layer, as docker counts them.
        description: the step, for people.
        created: when it was made, in nanoseconds since the epoch.
        used: when a build last wanted it, likewise.
        uses: how many builds found it.
    """

    key: Digest
    chain_id: Digest
    parent: str
    diff_id: Digest
    blob: Descriptor
    size: int
    description: str
    created: int
    used: int = 0
    uses: int = 0


FileIdentity = tuple[int, int, int, int, int]
"""Device, inode, size in bytes, times of the last change of content and of anything, in nanoseconds."""

_COLUMNS = (
    "b.key, b.chain_id, l.parent, l.diff_id, b.media_type, b.blob, b.blob_size, l.size, b.description, b.created,"
    " b.used, b.uses"
)
_FROM = "FROM build_cache b JOIN layers l ON l.chain_id = b.chain_id"


class BuildCache:
    """The build cache of one store. Whoever uses it holds `Store.adding()`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, key: Digest) -> CachedLayer | None:
        """The result with this key, or None."""
        row = self._db.row(f"SELECT {_COLUMNS} {_FROM} WHERE b.key = ?", (key,))
        return None if row is None else _layer(row)

    def all(self) -> list[CachedLayer]:
        """All results, those used last first."""
        return [_layer(row) for row in self._db.rows(f"SELECT {_COLUMNS} {_FROM} ORDER BY b.used DESC, b.key")]

    def keys_of(self, chain_id: Digest, blob: Digest) -> list[Digest]:
        """All keys that lead to this result."""
        rows = self._db.rows("SELECT key FROM build_cache WHERE chain_id = ? AND blob = ?", (chain_id, blob))
        return [Digest(row[0]) for row in rows]

    def touch(self, keys: Iterable[Digest]) -> None:
        """Note that a build wanted these results just now."""
        touch(self._db, keys)

    def add(self, made: Sequence[CachedLayer]) -> None:
        """Keep results; one that has the key of an older one takes its place. Parents come before what lies on them."""
        if not made:
            return
        with self._db.transaction() as connection:
            for layer in made:
                connection.execute(
                    "INSERT OR IGNORE INTO layers (chain_id, diff_id, parent, size) VALUES (?, ?, ?, ?)",
                    (layer.chain_id, layer.diff_id, layer.parent, layer.size),
                )
                before = connection.execute("SELECT chain_id, blob FROM build_cache WHERE key = ?", (layer.key,))
                for chain, blob in before.fetchall():
                    garbage.note_chain(connection, chain)
                    garbage.note_blob(connection, blob)
                connection.execute(
                    "INSERT OR REPLACE INTO build_cache"
                    " (key, chain_id, blob, media_type, blob_size, description, created, used)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        layer.key,
                        layer.chain_id,
                        layer.blob.digest,
                        layer.blob.media_type,
                        layer.blob.size,
                        layer.description,
                        layer.created,
                        layer.created,
                    ),
                )

    def remove(self, keys: Iterable[Digest]) -> None:
        """Forget results; what nothing else uses is then garbage."""
        with self._db.transaction() as connection:
            for key in keys:
                rows = connection.execute("SELECT chain_id, blob FROM build_cache WHERE key = ?", (key,)).fetchall()
                connection.execute("DELETE FROM build_cache WHERE key = ?", (key,))
                for chain, blob in rows:
                    garbage.note_chain(connection, chain)
                    garbage.note_blob(connection, blob)

    def forget(self, chains: Iterable[str]) -> None:
        """Forget all results that are, or lie on, one of these chains."""
        keys: set[Digest] = set()
        for chain in chains:
            rows = self._db.rows(
                "WITH RECURSIVE up (chain) AS (SELECT ? UNION"
                " SELECT layers.chain_id FROM up JOIN layers ON layers.parent = up.chain)"
                " SELECT key FROM build_cache WHERE chain_id IN (SELECT chain FROM up)",
                (chain,),
            )
            keys.update(Digest(row[0]) for row in rows)
        if keys:
            self.remove(keys)

    def own_chains(self) -> dict[str, int]:
        """The chains that the cache alone keeps, with the bytes of each one's uppermost layer.

        No image has them, and no container stands on them; bases whose image is gone are among them.
        """
        rows = self._db.rows(
            "WITH RECURSIVE held (chain) AS (SELECT chain_id FROM containers WHERE chain_id != '' UNION"
            " SELECT parent FROM held JOIN layers ON layers.chain_id = held.chain WHERE parent != ''),"
            " cached (chain) AS (SELECT chain_id FROM build_cache UNION"
            " SELECT parent FROM cached JOIN layers ON layers.chain_id = cached.chain WHERE parent != '')"
            " SELECT chain, size FROM cached JOIN layers ON layers.chain_id = chain WHERE chain NOT IN"
            " (SELECT chain FROM held UNION SELECT chain_id FROM image_blobs WHERE chain_id IS NOT NULL)"
        )
        return dict(rows)

    def file_digests(self, files: Sequence[FileIdentity]) -> dict[FileIdentity, bytes]:
        """The SHA-256 digests that are known of these files, for those that have not changed since."""
        found: dict[FileIdentity, bytes] = {}
        by_device: dict[int, list[int]] = {}
        for file in files:
            by_device.setdefault(file[0], []).append(file[1])
        for device, inodes in by_device.items():
            inodes.sort()
            for start in range(0, len(inodes), _BATCH):
                batch = inodes[start : start + _BATCH]
                marks = ",".join("?" * len(batch))
                rows = self._db.rows(
                    "SELECT device, inode, size, mtime, ctime, digest FROM context_files"
                    f" WHERE device = ? AND inode IN ({marks})",
                    (_signed(device), *map(_signed, batch)),
                )
                for row in rows:
                    found[(row[0] & _MASK, row[1] & _MASK, row[2], row[3], row[4])] = row[5]
        return found

    def keep_file_digests(self, known: Mapping[FileIdentity, bytes]) -> None:
        """Remember digests of files."""
        if not known:
            return
        now = int(time.time())
        with self._db.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO context_files (device, inode, size, mtime, ctime, digest, used)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (_signed(file[0]), _signed(file[1]), file[2], file[3], file[4], digest, now)
                    for file, digest in known.items()
                ],
            )

    def forget_files(self) -> None:
        """Forget all digests of files."""
        with self._db.transaction() as connection:
            connection.execute("DELETE FROM context_files")


_MASK = (1 << 64) - 1


def _signed(number: int) -> int:
    """An unsigned number of 64 bits as SQLite keeps it."""
    return number - (1 << 64) if number >> 63 else number


def _layer(row: tuple[str, str, str, str, str, str, int, int, str, int, int, int]) -> CachedLayer:
    key, chain, parent, diff_id, media_type, blob, blob_size, size, description, created, used, uses = row
    return CachedLayer(
        Digest(key),
        Digest(chain),
        parent,
        Digest(diff_id),
        Descriptor(media_type, Digest(blob), blob_size),
        size,
        description,
        created,
        used,
        uses,
    )
