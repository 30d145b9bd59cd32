"""The build cache: rows that find layers, and what they keep from being collected."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pallet.digest import Digest
from pallet.oci import media
from pallet.oci.descriptor import Descriptor
from pallet.store.build_cache import CachedLayer
from pallet.store.store import Store


@pytest.fixture
def removed() -> list[str]:
    """The snapshots that a collection removed."""
    return []


@pytest.fixture
def store(tmp_path: Path, removed: list[str]) -> Iterator[Store]:
    made = Store(str(tmp_path), removed.append)
    yield made
    made.close()


def layer(store: Store, name: str, parent: str = "", *, key: str = "", created: int = 5) -> CachedLayer:
    """A result whose blob is in the store."""
    blob = store.blobs.put(name.encode())
    return CachedLayer(
        key=Digest.of((key or name).encode()),
        chain_id=Digest.of(f"chain {name}".encode()),
        parent=parent,
        diff_id=Digest.of(f"diff {name}".encode()),
        blob=Descriptor(media.DOCKER_LAYER_GZIP, blob, len(name)),
        size=10,
        description=f"RUN {name}",
        created=created,
        used=created,
    )


def test_what_is_kept_is_found(store: Store) -> None:
    made = layer(store, "one")
    store.build_cache.add([made])
    assert store.build_cache.get(made.key) == made
    assert store.build_cache.get(Digest.of(b"other")) is None


def test_touching_notes_the_use(store: Store) -> None:
    made = layer(store, "one")
    store.build_cache.add([made])
    store.build_cache.touch([made.key])
    found = store.build_cache.get(made.key)
    assert found is not None
    assert found.uses == 1
    assert found.used > made.used


def test_blob_and_snapshots_stay_until_the_row_goes(store: Store, removed: list[str]) -> None:
    below = layer(store, "below")
    above = layer(store, "above", below.chain_id)
    store.build_cache.add([below, above])
    store.build_cache.remove([below.key])
    store.collect()
    assert removed == []  # the layer above lies on it
    assert not store.blobs.has(below.blob.digest)
    assert set(store.build_cache.own_chains()) == {below.chain_id, above.chain_id}
    store.build_cache.remove([above.key])
    store.collect()
    assert removed == [above.chain_id, below.chain_id]
    assert not store.blobs.has(above.blob.digest)
    assert store.build_cache.own_chains() == {}


def test_a_newer_result_takes_the_place_of_an_older_one(store: Store, removed: list[str]) -> None:
    old, new = layer(store, "old", key="same"), layer(store, "new", key="same")
    store.build_cache.add([old])
    store.build_cache.add([new])
    store.collect()
    assert removed == [old.chain_id]
    assert store.build_cache.all() == [new]


def test_digests_of_files_are_known_while_nothing_about_them_changes(store: Store) -> None:
    big = (1 << 64) - 3  # inode numbers use all 64 bits
    files = [(7, big - number, 3, 1000, 2000) for number in range(1200)]
    store.build_cache.keep_file_digests({file: str(file[1]).encode() for file in files})
    assert store.build_cache.file_digests(files) == {file: str(file[1]).encode() for file in files}
    changed = (7, big, 3, 1001, 2000)
    assert changed not in store.build_cache.file_digests([changed])
    store.build_cache.forget_files()
    assert store.build_cache.file_digests(files) == {}
