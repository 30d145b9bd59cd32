"""Checking a store finds every kind of damage, and nothing in a sound one."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.store.building import add_image

from pallet.digest import Digest
from pallet.oci.chain import chain_ids
from pallet.reference import parse
from pallet.store.check import blob_bytes, check
from pallet.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "root"))


def test_a_sound_store(store: Store) -> None:
    assert check(store, lambda chain: True) == []
    manifest, config = add_image(store, b"one", b"two")
    store.images.tag(parse("x"), config.id, manifest.digest)
    read: list[int] = []
    assert check(store, lambda chain: True, advance=read.append) == []
    assert sum(read) == blob_bytes(store) > len(config.raw)


def test_damage_is_found(store: Store) -> None:
    _, config = add_image(store, b"one", b"two")
    _, other_config = add_image(store, b"one", b"three")
    Path(store.blobs.path(Digest.of(b"one"))).write_bytes(b"0ne")
    store.blobs.remove(Digest.of(b"two"))
    findings = {(finding.kind, finding.key): finding for finding in check(store, lambda chain: True)}
    assert findings.keys() == {("blob-missing", Digest.of(b"two")), ("blob-damaged", Digest.of(b"one"))}
    assert findings["blob-missing", Digest.of(b"two")].images == (config.id,)
    assert set(findings["blob-damaged", Digest.of(b"one")].images) == {config.id, other_config.id}


def test_a_damaged_manifest_is_found_once(store: Store) -> None:
    manifest, _ = add_image(store, b"one")
    Path(store.blobs.path(manifest.digest)).write_bytes(b"{")
    assert [finding.kind for finding in check(store)] == ["blob-damaged"]


def test_missing_snapshots_are_found(store: Store) -> None:
    _, config = add_image(store, b"one", b"two")
    chains = chain_ids(config.diff_ids)
    [finding] = check(store, lambda chain: chain != chains[0])
    assert (finding.kind, finding.key, finding.images) == ("snapshot-missing", chains[0], (config.id,))


def test_rows_that_lie_are_found(store: Store) -> None:
    manifest, config = add_image(store, b"one")
    store.images.tag(parse("x"), config.id, manifest.digest)
    with store.db.transaction() as connection:
        connection.execute("UPDATE tags SET manifest = ?", (Digest.of(b"nothing"),))
        connection.execute("UPDATE image_blobs SET size = 7 WHERE kind = 'layer'")
    kinds = {finding.kind for finding in check(store)}
    assert kinds == {"tag-dangling", "manifest-wrong"}
