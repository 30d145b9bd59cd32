"""Collecting and sweeping: only what nothing uses goes, never while somebody adds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.store.building import add_image, make_image

from pallet.digest import Digest
from pallet.layer.snapshot_info import SnapshotInfo
from pallet.layer.snapshots import Snapshots
from pallet.oci.chain import chain_ids
from pallet.oci.config import ContainerConfig, ImageConfig
from pallet.oci.descriptor import describe
from pallet.store.container_record import ContainerRecord, HostConfig
from pallet.store.gc import sweep
from pallet.store.store import Store


@pytest.fixture
def snapshots(tmp_path: Path) -> Snapshots:
    return Snapshots(str(tmp_path / "root"))


@pytest.fixture
def store(tmp_path: Path, snapshots: Snapshots) -> Store:
    return Store(str(tmp_path / "root"), snapshots.remove)


def unpack(snapshots: Snapshots, config: ImageConfig) -> tuple[Digest, ...]:
    """Make snapshots for the layers of an image."""
    chains = chain_ids(config.diff_ids)
    for position, chain in enumerate(chains):
        if not snapshots.has(chain):
            staging = snapshots.stage()
            Path(staging.fs, "file").write_text(chain)
            parent = chains[position - 1] if position else ""
            snapshots.commit([(staging, SnapshotInfo(chain, config.diff_ids[position], parent, len(chain), 1))])
    return chains


def container(config: ImageConfig, chain: str) -> ContainerRecord:
    return ContainerRecord(
        id="a" * 64,
        name="alice",
        image=config.id,
        image_name="x",
        chain_id=chain,
        created=1,
        path="sh",
        args=(),
        config=ContainerConfig(),
        host=HostConfig(),
    )


def test_collecting_removes_blobs_and_snapshots(store: Store, snapshots: Snapshots) -> None:
    _, base = add_image(store, b"shared")
    _, config = add_image(store, b"shared", b"own")
    bottom, top = unpack(snapshots, config)
    store.images.delete(config.id)
    collected = store.collect()
    assert collected is not None
    assert collected.snapshots == (top,)
    assert collected.size == sum(len(raw) for raw in (b"own", config.raw)) + 3 + _manifest_size(config)
    assert snapshots.all() == [bottom]
    assert store.db.rows("SELECT * FROM garbage") == []
    store.images.delete(base.id)
    store.collect()
    assert snapshots.all() == []
    assert store.blobs.all() == []
    assert store.db.rows("SELECT * FROM layers") == []


def _manifest_size(config: ImageConfig) -> int:
    manifest, same = make_image(b"shared", b"own")
    assert same.id == config.id
    return len(manifest.raw)


def test_a_container_keeps_the_layers_it_stands_on(store: Store, snapshots: Snapshots) -> None:
    _, config = add_image(store, b"bottom", b"top")
    chains = unpack(snapshots, config)
    store.containers.add(container(config, chains[1]))
    assert store.images.delete(config.id) == ()
    store.collect()
    assert set(snapshots.all()) == set(chains)
    assert store.blobs.all() == [], "a container needs no blobs"
    store.containers.remove("a" * 64)
    store.collect()
    assert snapshots.all() == []


def test_removing_a_container_of_a_kept_image_collects_nothing(store: Store, snapshots: Snapshots) -> None:
    _, config = add_image(store, b"bottom", b"top")
    chains = unpack(snapshots, config)
    store.containers.add(container(config, chains[1]))
    store.containers.remove("a" * 64)
    store.collect()
    assert set(snapshots.all()) == set(chains)


def test_what_comes_back_before_the_collection_stays(store: Store, snapshots: Snapshots) -> None:
    manifest, config = add_image(store, b"layer")
    chains = unpack(snapshots, config)
    store.images.delete(config.id)
    store.images.add(config, manifest, (5,))
    collected = store.collect()
    assert collected is not None
    assert (collected.blobs, collected.snapshots) == ((), ())
    assert store.blobs.has(manifest.digest)
    assert snapshots.all() == list(chains)


def test_nothing_is_collected_while_somebody_adds(store: Store, snapshots: Snapshots, tmp_path: Path) -> None:
    manifest, config = add_image(store, b"layer")
    unpack(snapshots, config)
    other = Store(str(tmp_path / "root"), snapshots.remove)
    with other.adding(), other.adding():
        store.images.delete(config.id)
        assert store.collect(blocking=False) is None
        with store.adding():
            pass
        assert store.blobs.has(manifest.digest), "an inner end collects nothing"
    assert store.blobs.all() == [], "the last one to leave collects"
    assert snapshots.all() == []


ADDER = """
import sys
from pallet.store.store import Store
with Store(sys.argv[1]).adding():
    print("adding", flush=True)
    sys.stdin.read()
"""


def test_adding_in_another_process_and_its_death(store: Store, tmp_path: Path) -> None:
    _, config = add_image(store, b"layer")
    store.images.delete(config.id)
    adder = subprocess.Popen(
        [sys.executable, "-c", ADDER, str(tmp_path / "root")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert adder.stdout is not None
    adder.stdout.readline()
    assert store.collect(blocking=False) is None
    adder.kill()
    adder.communicate()
    assert store.collect(blocking=False) is not None
    assert store.blobs.all() == []


def test_a_failed_collection_is_done_by_the_next(store: Store, snapshots: Snapshots) -> None:
    _, config = add_image(store, b"layer")
    unpack(snapshots, config)
    store.images.delete(config.id)

    def fail(chain: str) -> None:
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        store.collect(fail)
    assert len(store.db.rows("SELECT * FROM garbage")) == 4
    store.collect()
    assert snapshots.all() == []
    assert store.db.rows("SELECT * FROM garbage") == []


def test_without_a_way_to_remove_snapshots_they_wait(tmp_path: Path, snapshots: Snapshots) -> None:
    store = Store(str(tmp_path / "root"))
    _, config = add_image(store, b"layer")
    unpack(snapshots, config)
    store.images.delete(config.id)
    store.collect()
    assert store.blobs.all() == []
    assert len(snapshots.all()) == 1
    store.collect(snapshots.remove)
    assert snapshots.all() == []


def test_sweep(store: Store, snapshots: Snapshots, tmp_path: Path) -> None:
    root = tmp_path / "root"
    _, config = add_image(store, b"kept")
    [chain] = unpack(snapshots, config)
    before = set(root.rglob("*"))
    orphan = store.blobs.put(b"orphan")
    with store.blobs.ingest(describe(b"partial", "x")) as ingest:
        ingest.write(b"part")
    _, lost = make_image(b"lost")
    [lost_chain] = unpack(snapshots, lost)
    (root / "staging" / "dead" / "fs").mkdir(parents=True)
    (root / "staging" / "dead" / "fs" / "file").write_bytes(b"12345")
    (root / "snapshots" / "damaged").mkdir()
    (root / "containers" / "gone").mkdir(parents=True)
    (root / "containers" / "gone" / "log").write_bytes(b"123")
    alive = snapshots.stage()
    expected = [
        ("blob", orphan, 6),
        ("partial", Digest.of(b"partial").hex, 4),
        ("snapshot", lost_chain, len(lost_chain)),
        ("snapshot", "damaged", 0),
        ("staging", "dead", 5),
        ("container", "gone", 3),
    ]
    dry = sweep(store, snapshots.leftovers, dry_run=True)
    described = {(swept.kind, swept.name) for swept in dry}
    assert described == {(kind, name) for kind, name, _ in expected}
    sizes = {swept.name: swept.size for swept in dry}
    assert {sizes[name] for kind, name, _ in expected if kind != "snapshot"} == {6, 4, 5, 3}
    assert store.blobs.has(orphan)
    young = sweep(store, snapshots.leftovers, partials_older_than=3600)
    assert {swept.kind for swept in young} == {"blob", "snapshot", "staging", "container"}
    assert [swept.kind for swept in sweep(store, snapshots.leftovers)] == ["partial"]
    assert sweep(store, snapshots.leftovers) == []
    alive.discard()
    snapshots.unsynced.make_good()
    left = set(root.rglob("*")) - before
    assert left == {root / "staging", root / "containers"} - before
    assert snapshots.all() == [chain]
    assert store.blobs.has(config.id)
