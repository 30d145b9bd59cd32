"""Collecting garbage, and sweeping up what killed processes left.

Both hold the store's lock exclusively, so that nobody counts meanwhile on a blob or snapshot that is about to go. Files
go first and notes last: a collector that is killed leaves notes, and the next one finishes its work.
"""

from __future__ import annotations

import os
import time

from pallet.digest import Digest
from pallet.host.files import remove_tree, tree_size
from pallet.host.locks import lock, try_lock
from pallet.store import garbage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _sqlite3 import Connection
    from collections.abc import Callable, Iterable
    from typing import Protocol

    from pallet.store.store import Store

    class Leftover(Protocol):
        """Something on the disk that no row knows."""

        @property
        def kind(self) -> str: ...
        @property
        def name(self) -> str: ...
        @property
        def size(self) -> int: ...
        def remove(self) -> bool:
            """Remove it; False if somebody is using it after all."""


class Collected:
    """What a collection removed.

    Attributes:
        blobs: digests of blobs.
        snapshots: chain IDs of unpacked layers, each before those it lay on.
        size: bytes this freed: of the blobs as stored, of the layers as docker counts them.
    """

    __slots__ = ("blobs", "size", "snapshots")

    def __init__(self, blobs: tuple[Digest, ...], snapshots: tuple[Digest, ...], size: int) -> None:
        self.blobs = blobs
        self.snapshots = snapshots
        self.size = size


class Swept:
    """One thing that a sweep removed, or would remove.

    Attributes:
        kind: `blob`, `partial`, `snapshot`, `staging` or `container`.
        name: digest, chain ID, directory or file name.
        size: its bytes.
    """

    __slots__ = ("kind", "name", "size")

    def __init__(self, kind: str, name: str, size: int) -> None:
        self.kind = kind
        self.name = name
        self.size = size

    def __repr__(self) -> str:
        return f"Swept({self.kind!r}, {self.name!r}, {self.size})"


def collect(store: Store, remove_snapshot: Callable[[str], None] | None, *, blocking: bool = True) -> Collected | None:
    """See `Store.collect`."""
    held = lock(store.lock_path) if blocking else try_lock(store.lock_path)
    if held is None:
        return None
    with held:
        # The transaction is over before files go: nobody waits for the disk. Nobody adds either; the lock sees to that.
        with store.db.transaction() as connection:
            garbage.strike_out_used(connection)
            keys = [Digest(key) for (key,) in connection.execute("SELECT key FROM garbage WHERE kind = 'blob'")]
            chains = _chains_top_first(connection) if remove_snapshot else []
        size = 0
        for digest in keys:
            size += store.blobs.remove(digest)
        for chain, bytes_ in chains:
            if remove_snapshot is not None:
                remove_snapshot(chain)
            size += bytes_
        with store.db.transaction() as connection:
            connection.executemany("DELETE FROM garbage WHERE kind = 'blob' AND key = ?", [(key,) for key in keys])
            gone = [(chain,) for chain, _ in chains]
            connection.executemany("DELETE FROM garbage WHERE kind = 'snapshot' AND key = ?", gone)
            connection.executemany("DELETE FROM layers WHERE chain_id = ?", gone)
    return Collected(tuple(keys), tuple(Digest(chain) for chain, _ in chains), size)


def sweep(
    store: Store,
    snapshot_leftovers: Callable[[set[str]], Iterable[Leftover]],
    *,
    partials_older_than: float = 0.0,
    dry_run: bool = False,
) -> list[Swept]:
    """Remove everything in the store's directory that no row refers to.

    Args:
        store: the store.
        snapshot_leftovers: gives what is among the unpacked layers besides the chain IDs in use
            (`Snapshots.leftovers`).
        partials_older_than: keep unfinished blobs written to within so many seconds: a pull may go on with them.
        dry_run: only tell what would go.

    Returns:
        What went.
    """
    swept: list[Swept] = []
    with lock(store.lock_path):
        for leftover in _leftovers(store, snapshot_leftovers, partials_older_than):
            entry = Swept(leftover.kind, leftover.name, leftover.size)
            if dry_run or leftover.remove():
                swept.append(entry)
        if not dry_run:
            with store.db.transaction() as connection:
                connection.execute("DELETE FROM garbage")
                connection.execute(f"DELETE FROM layers WHERE chain_id NOT IN ({garbage.USED_CHAINS})")
    return swept


def used_chains(store: Store) -> set[str]:
    """The chain IDs that images, containers and the build cache need."""
    return {row[0] for row in store.db.rows(garbage.USED_CHAINS)}


def _chains_top_first(connection: Connection) -> list[tuple[str, int]]:
    """The chains on the list with their sizes, those that lie on others first."""
    rows = connection.execute(
        "SELECT key, coalesce(parent, ''), coalesce(size, 0) FROM garbage LEFT JOIN layers ON chain_id = key"
        " WHERE kind = 'snapshot'"
    ).fetchall()
    parents = {chain: parent for chain, parent, _ in rows}

    def height(chain: str) -> int:
        count = 0
        while chain := parents.get(chain, ""):
            count += 1
        return count

    return [(chain, size) for chain, _, size in sorted(rows, key=lambda row: height(row[0]), reverse=True)]


def _leftovers(
    store: Store, snapshot_leftovers: Callable[[set[str]], Iterable[Leftover]], partials_older_than: float
) -> Iterable[Leftover]:
    referenced = {row[0] for row in store.db.rows(garbage.USED_BLOBS)}
    for digest in store.blobs.all():
        if digest not in referenced:
            yield _Blob(store, digest)
    newest = time.time_ns() - int(partials_older_than * 1e9)
    for partial in store.blobs.partials():
        if partial.changed <= newest:
            yield partial
    yield from snapshot_leftovers(used_chains(store))
    records = {row[0] for row in store.db.rows("SELECT id FROM containers")}
    for name in _names(os.path.dirname(store.container_dir("x"))):
        if name not in records:
            yield _ContainerFiles(name, store.container_dir(name))


def _names(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except FileNotFoundError:
        return []


class _Blob:
    kind = "blob"

    def __init__(self, store: Store, digest: Digest) -> None:
        self._blobs = store.blobs
        self.name = digest
        self.size = self._blobs.size(digest)

    def remove(self) -> bool:
        self._blobs.remove(self.name)
        return True


class _ContainerFiles:
    kind = "container"

    def __init__(self, id: str, path: str) -> None:
        self._path = path
        self.name = id
        self.size = tree_size(path)

    def remove(self) -> bool:
        remove_tree(self._path)
        return True
