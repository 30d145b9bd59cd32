"""What lies in a store's directory, against what its database says."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.support.pallet import PalletCLI


def unexplained(pallet: PalletCLI) -> list[str]:
    """The files and directories of the store, and of the run directory, that no row of the database stands for."""
    database = sqlite3.connect(f"file:{pallet.root}/db.sqlite?mode=ro", uri=True)
    with database:
        blobs = {row[0].removeprefix("sha256:") for row in database.execute("SELECT digest FROM image_blobs")}
        chains = {row[0] for row in database.execute("SELECT chain_id FROM image_blobs WHERE chain_id IS NOT NULL")}
        chains |= {row[0] for row in database.execute("SELECT chain_id FROM containers WHERE chain_id != ''")}
        parents = dict(database.execute("SELECT chain_id, parent FROM layers"))
        containers = {row[0] for row in database.execute("SELECT id FROM containers")}
        garbage = [f"garbage: {row}" for row in database.execute("SELECT * FROM garbage")]
    database.close()
    for chain in list(chains):
        while chain := parents.get(chain, ""):
            chains.add(chain)
    snapshots = {chain.removeprefix("sha256:")[:20] for chain in chains}
    locks = {f"{id}.{kind}" for id in containers for kind in ("lock", "wait", "attended")}
    expected = {
        "": {"db.sqlite", "db.sqlite-wal", "db.sqlite-shm", "lock", "blobs", "ingest", "snapshots", "staging"}
        | {"containers", "volumes", "unsynced"},
        "blobs": {"sha256"},
        "blobs/sha256": blobs,
        "ingest": set(),
        "snapshots": snapshots,
        "staging": set(),
        "unsynced": {"lock"},
        "containers": containers,
        "volumes": set(),
    }
    lines = [f"layers: {chain}" for chain in parents.keys() - chains] + garbage
    for folder, names in expected.items():
        lines += _besides(pallet.root / folder, names)
    lines += _besides(pallet.run_dir, {"runtime", *locks, *containers})
    return lines + _besides(pallet.run_dir / "runtime", containers)


def _besides(folder: Path, names: set[str]) -> list[str]:
    if not folder.exists():
        return []
    return [str(path) for path in sorted(folder.iterdir()) if path.name not in names]
