"""Snapshots: whole or absent, found by chain ID."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pallet.digest import Digest
from pallet.errors import Integrity, InvalidDigest, NotFound
from pallet.layer.snapshot_info import SnapshotInfo
from pallet.layer.snapshots import Snapshots

ONE, TWO = Digest.of(b"one"), Digest.of(b"two")


@pytest.fixture
def snapshots(tmp_path: Path) -> Snapshots:
    return Snapshots(str(tmp_path / "root"))


def make(snapshots: Snapshots, chain: Digest, parent: str = "", content: str = "x") -> None:
    staging = snapshots.stage()
    Path(staging.fs, "file").write_text(content)
    snapshots.commit([(staging, SnapshotInfo(chain, chain, parent, 1, 1))])


def test_nothing_here(snapshots: Snapshots, tmp_path: Path) -> None:
    assert not snapshots.has(ONE)
    assert snapshots.all() == []
    assert list(snapshots.leftovers(set())) == []
    assert snapshots.lower_dirs("") == []
    with pytest.raises(NotFound):
        snapshots.info(ONE)
    with pytest.raises(NotFound):
        snapshots.lower_dirs(ONE)
    assert not (tmp_path / "root").exists()


def test_commit_and_find(snapshots: Snapshots) -> None:
    make(snapshots, ONE)
    make(snapshots, TWO, ONE)
    assert snapshots.has(ONE)
    assert set(snapshots.all()) == {ONE, TWO}
    assert snapshots.info(TWO) == SnapshotInfo(TWO, TWO, ONE, 1, 1)
    assert snapshots.lower_dirs(TWO) == [snapshots.fs(TWO), snapshots.fs(ONE)]
    assert all(os.path.isdir(directory) for directory in snapshots.lower_dirs(TWO))
    assert os.stat(snapshots.fs(ONE)).st_mode & 0o7777 == 0o755
    assert len(os.path.basename(os.path.dirname(snapshots.fs(ONE)))) == 20


def test_staging_is_invisible_and_discarded(snapshots: Snapshots, tmp_path: Path) -> None:
    with snapshots.stage() as staging:
        Path(staging.fs, "file").write_text("x")
        assert snapshots.all() == []
        assert list(snapshots.leftovers(set())) == [], "its maker is alive"
    assert os.listdir(tmp_path / "root" / "staging") == []


def test_the_second_of_two_makers_is_dropped(snapshots: Snapshots, tmp_path: Path) -> None:
    first, second = snapshots.stage(), snapshots.stage()
    Path(first.fs, "file").write_text("first")
    Path(second.fs, "file").write_text("second")
    info = SnapshotInfo(ONE, ONE, "", 1, 1)
    snapshots.commit([(first, info)])
    snapshots.commit([(second, info)])
    assert Path(snapshots.fs(ONE), "file").read_text() == "first"
    assert os.listdir(tmp_path / "root" / "staging") == []


def test_remove(snapshots: Snapshots, tmp_path: Path) -> None:
    make(snapshots, ONE)
    snapshots.remove(ONE)
    snapshots.remove(ONE)
    assert not snapshots.has(ONE)
    assert os.listdir(tmp_path / "root" / "staging") == []


@pytest.mark.parametrize("chain", ["", "..", "sha256:../../x", ONE.hex])
def test_only_chain_ids_are_keys(snapshots: Snapshots, chain: str) -> None:
    make(snapshots, ONE)
    with pytest.raises(InvalidDigest):
        snapshots.remove(chain)
    assert snapshots.has(ONE)


def test_damage_is_noticed(snapshots: Snapshots) -> None:
    make(snapshots, ONE)
    make(snapshots, TWO)
    description = Path(snapshots.fs(ONE)).parent / "layer"
    other = (Path(snapshots.fs(TWO)).parent / "layer").read_bytes()
    for damage in (b"", b"{}", b"\xff", other):
        description.write_bytes(damage)
        with pytest.raises(Integrity):
            snapshots.info(ONE)
        assert snapshots.all() == [TWO]


def test_leftovers(snapshots: Snapshots, tmp_path: Path) -> None:
    make(snapshots, ONE)
    make(snapshots, TWO)
    (tmp_path / "root" / "staging" / "dead").mkdir()
    (tmp_path / "root" / "staging" / "file").write_text("no directory")
    found = {(leftover.kind, leftover.name): leftover for leftover in snapshots.leftovers({ONE})}
    assert set(found) == {("snapshot", TWO), ("staging", "dead"), ("staging", "file")}
    assert found["snapshot", TWO].size > 0
    assert all(leftover.remove() for leftover in found.values())
    assert all(leftover.remove() for leftover in found.values()), "gone already"
    assert snapshots.all() == [ONE]


MAKER = """
import sys
from pallet.layer.snapshots import Snapshots
staging = Snapshots(sys.argv[1]).stage()
print(staging.path, flush=True)
sys.stdin.read()
"""


def test_the_staging_of_a_killed_maker_is_a_leftover(snapshots: Snapshots, tmp_path: Path) -> None:
    root = str(tmp_path / "root")
    maker = subprocess.Popen([sys.executable, "-c", MAKER, root], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert maker.stdout is not None
    name = os.path.basename(maker.stdout.readline().decode().strip())
    assert list(snapshots.leftovers(set())) == []
    maker.kill()
    maker.communicate()
    [leftover] = snapshots.leftovers(set())
    assert (leftover.kind, leftover.name) == ("staging", name)
    assert leftover.remove()
