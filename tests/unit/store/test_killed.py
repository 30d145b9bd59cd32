"""Processes that are killed at any moment leave a store that works, checks clean, and sweeps clean."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

from pallet.layer.snapshots import Snapshots
from pallet.store.check import check
from pallet.store.gc import sweep
from pallet.store.store import Store

CHURN = """
import os, random, sys
from pallet.digest import Digest
from pallet.layer.snapshot_info import SnapshotInfo
from pallet.layer.snapshots import Snapshots
from pallet.oci.chain import chain_ids
from pallet.oci.descriptor import describe
from pallet.reference import parse
from pallet.store.store import Store
from tests.unit.store.building import make_image

root, seed = sys.argv[1], int(sys.argv[2])
choose = random.Random(seed)
snapshots = Snapshots(root)
store = Store(root, snapshots.remove)
print("ready", flush=True)
while True:
    layers = [b"layer %d" % choose.randrange(4) * 10000 for _ in range(2)]
    manifest, config = make_image(*layers)
    with store.adding():
        for layer in layers:
            with store.blobs.ingest(describe(layer, "x")) as ingest:
                if not ingest.done:
                    ingest.write(layer[ingest.offset:])
                    ingest.commit()
        made, chain = [], chain_ids(config.diff_ids)
        for position, (chain_id, diff_id) in enumerate(zip(chain, config.diff_ids)):
            if not snapshots.has(chain_id):
                staging = snapshots.stage()
                open(staging.fs + "/file", "wb").write(layers[position])
                parent = chain[position - 1] if position else ""
                made.append((staging, SnapshotInfo(chain_id, diff_id, parent, 1, 1)))
        snapshots.commit(made)
        store.blobs.put(config.raw)
        store.blobs.put(manifest.raw)
        with store.db.transaction():
            store.images.add(config, manifest, (1, 1))
            store.images.tag(parse("x"), config.id, manifest.digest)
    rows = store.images.rows()
    if rows and choose.random() < 0.7:
        with store.db.transaction():
            doomed = choose.choice(rows).id
            if store.images.has(doomed):
                store.images.delete(doomed)
        store.collect(blocking=choose.random() < 0.5)
"""


def test_kill_at_random_moments(tmp_path: Path) -> None:
    root = str(tmp_path / "root")
    snapshots = Snapshots(root)
    store = Store(root, snapshots.remove)
    moments = random.Random(1)  # noqa: S311
    for turn in range(8):
        churners = [
            subprocess.Popen(
                [sys.executable, "-c", CHURN, root, str(turn * 2 + each)],
                stdout=subprocess.PIPE,
                cwd=Path(__file__).parents[3],
            )
            for each in range(2)
        ]
        for churner in churners:
            assert churner.stdout is not None
            assert churner.stdout.readline() == b"ready\n"
        for churner in churners:
            time.sleep(moments.uniform(0, 0.15))
            assert churner.poll() is None, "it failed by itself"
            churner.kill()
            churner.communicate()
        assert check(store, snapshots.has) == []
    for row in store.images.rows():
        store.images.delete(row.id)
    store.collect()
    sweep(store, snapshots.leftovers)
    left = {path.relative_to(root).parts[0] for path in Path(root).rglob("*") if not path.is_dir()}
    assert left == {"db.sqlite", "db.sqlite-wal", "db.sqlite-shm", "lock", "unsynced"}
    assert snapshots.all() == []
    store.close()
