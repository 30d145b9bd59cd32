"""Notes of snapshots that may not be on the disk: there before the snapshot has a name, gone only after a sync."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from pallet.digest import Digest
from pallet.layer.snapshot_info import SnapshotInfo
from pallet.layer.snapshots import Snapshots
from pallet.layer.unsynced import Unsynced, chain_of

ONE, TWO = Digest.of(b"one"), Digest.of(b"two")
OTHER = f"11111111-2222-3333-4444-555555555555.{ONE.hex}.0123456789ab"
BOOT = Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def unsynced(root: Path) -> Unsynced:
    return Unsynced(str(root))


def notes(root: Path) -> list[str]:
    return sorted(os.listdir(root / "unsynced")) if (root / "unsynced").exists() else []


def age(root: Path, seconds: float) -> None:
    for note in (root / "unsynced").iterdir():
        os.utime(note, (time.time() - seconds,) * 2)


def commit(snapshots: Snapshots, chain: Digest) -> None:
    staging = snapshots.stage()
    Path(staging.fs, "file").write_text("x")
    snapshots.commit([(staging, SnapshotInfo(chain, chain, "", 1, 1))])


def test_nothing_is_noted(unsynced: Unsynced, root: Path) -> None:
    unsynced.make_good()
    assert unsynced.of_other_boots() == []
    assert list(root.iterdir()) == []


def test_a_note_names_boot_and_chain(unsynced: Unsynced, root: Path) -> None:
    with unsynced.noted([ONE, TWO]):
        assert {chain_of(note) for note in notes(root)} == {ONE, TWO}
    assert all(note.startswith(BOOT + ".") for note in notes(root))
    assert unsynced.of_other_boots() == []


def test_snapshots_are_noted_when_they_appear(root: Path) -> None:
    snapshots = Snapshots(str(root))
    commit(snapshots, ONE)
    [note] = notes(root)
    assert chain_of(note) == ONE
    snapshots.unsynced.make_good()
    assert notes(root) == []
    assert snapshots.has(ONE)


def test_each_making_has_its_own_note(root: Path) -> None:
    """One who has synced what was there before does not take away the note of what was made again meanwhile."""
    snapshots = Snapshots(str(root))
    commit(snapshots, ONE)
    before = notes(root)
    snapshots.remove(ONE)
    commit(snapshots, ONE)
    snapshots.unsynced.forget(before)
    [note] = notes(root)
    assert note not in before


def test_old_notes_take_the_others_along_in_age_only(unsynced: Unsynced, root: Path) -> None:
    with unsynced.noted([ONE]):
        pass
    unsynced.make_good(older_than=60)
    assert len(notes(root)) == 1
    age(root, 61)
    with unsynced.noted([TWO]):
        pass
    unsynced.make_good(older_than=60)
    assert [chain_of(note) for note in notes(root)] == [TWO]
    unsynced.make_good()
    assert notes(root) == []


def test_the_first_staging_makes_old_ones_good(root: Path) -> None:
    commit(Snapshots(str(root)), ONE)
    age(root, 61)
    snapshots = Snapshots(str(root))
    with snapshots.stage():
        assert notes(root) == []
        commit(snapshots, TWO)
        age(root, 61)
    with snapshots.stage():
        assert len(notes(root)) == 1, "now that would mean to wait for what is being made"


def test_notes_of_another_boot_are_not_made_good(unsynced: Unsynced, root: Path) -> None:
    with unsynced.noted([TWO]):
        pass
    (root / "unsynced" / OTHER).touch()
    unsynced.make_good()
    assert notes(root) == [OTHER]
    if os.geteuid() == 0:
        assert unsynced.of_other_boots() == [OTHER]
    assert chain_of(OTHER) == ONE
    unsynced.forget([OTHER])
    assert notes(root) == []


def test_notes_wait_for_their_snapshots_names(unsynced: Unsynced, root: Path) -> None:
    """Else a sync could come before the rename, and the note would go too early."""
    ended = threading.Event()

    def make_good() -> None:
        unsynced.make_good()
        ended.set()

    with unsynced.noted([ONE]):
        age(root, 61)
        unsynced.make_good(older_than=60)
        assert len(notes(root)) == 1, "who only does it in passing does not wait"
        thread = threading.Thread(target=make_good)
        thread.start()
        assert not ended.wait(0.1)
        assert len(notes(root)) == 1
    thread.join()
    assert notes(root) == []
