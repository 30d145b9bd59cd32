"""Images: names, lookups, what they are made of, what becomes garbage."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.store.building import add_image, make_image

from pallet.digest import Digest
from pallet.errors import HostError, Integrity, InvalidReference, NoSuchImage
from pallet.oci import media
from pallet.oci.chain import chain_ids
from pallet.oci.descriptor import Descriptor
from pallet.oci.manifest import make_manifest
from pallet.reference import parse
from pallet.store.insert import nanoseconds
from pallet.store.rows import ZERO_TIME
from pallet.store.store import Store

OTHER = Digest("sha256:" + "0" * 64)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "root"))


def test_reading_an_absent_store_makes_nothing(store: Store, tmp_path: Path) -> None:
    assert store.images.rows() == []
    assert store.images.tags() == []
    assert store.images.repo_digests() == []
    with pytest.raises(NoSuchImage):
        store.images.resolve("ubuntu")
    assert not (tmp_path / "root").exists()


def test_add_records_everything(store: Store) -> None:
    manifest, config = add_image(store, b"bottom", b"top!", created="2024-01-01T00:00:00.123456789Z")
    images = store.images
    [row] = images.rows()
    assert row == images.get(config.id)
    assert (row.id, row.created, row.size) == (config.id, 1704067200123456789, 10)
    assert (row.parent, row.comment, row.tagged, row.used) == ("", "", 0, 0)
    assert row.added > 1704067200123456789
    assert images.manifests_of(config.id) == (manifest.descriptor,)
    assert images.config_of(config.id) == manifest.config
    bottom, top = images.layers_of(config.id)
    assert (top.digest, top.media_type, top.size, top.unpacked) == (Digest.of(b"top!"), media.OCI_LAYER, 4, 4)
    assert [layer.diff_id for layer in (bottom, top)] == list(config.diff_ids)
    assert [layer.chain_id for layer in (bottom, top)] == list(chain_ids(config.diff_ids))
    assert sorted(use.unpacked for use in images.layer_uses()) == [4, 6]
    with store.adding():
        assert not images.add(config, manifest, (6, 4))


def test_one_image_may_have_several_manifests(store: Store) -> None:
    manifest, config = add_image(store, b"layer")
    packed = Descriptor(media.OCI_LAYER_GZIP, Digest.of(b"packed"), 6)
    other = make_manifest(manifest.config, (packed,), media.OCI_MANIFEST)
    assert not store.images.add(config, other, (5,))
    assert store.images.manifests_of(config.id) == (manifest.descriptor, other.descriptor)
    assert [layer.digest for layer in store.images.layers_of(config.id)] == [Digest.of(b"layer")]
    assert [layer.digest for layer in store.images.layers_of(config.id, other.digest)] == [Digest.of(b"packed")]
    assert len(store.images.layer_uses()) == 1


def test_what_does_not_fit_together_is_refused(store: Store) -> None:
    manifest, config = make_image(b"one", b"two")
    other, _ = make_image(b"three", b"four")
    with pytest.raises(Integrity):
        store.images.add(config, manifest, (3,))
    with pytest.raises(Integrity):
        store.images.add(config, other, (3, 3))
    assert store.images.rows() == []


def test_tags_move(store: Store) -> None:
    first, one = add_image(store, b"1")
    second, two = add_image(store, b"2")
    name = parse("ubuntu:18.04")
    assert store.images.tag(name, one.id, first.digest) is None
    assert store.images.get(one.id).tagged > 0
    assert store.images.tag(name, one.id, first.digest) == one.id
    assert store.images.tag(name, two.id, second.digest) == one.id
    assert store.images.tags_of(one.id) == []
    [tag] = store.images.tags_of(two.id)
    assert (tag.name, tag.tag, tag.image) == ("docker.io/library/ubuntu", "18.04", two.id)
    assert tag.manifest == second.digest
    store.images.tag(parse("ubuntu"), one.id, first.digest)
    assert [tag.tag for tag in store.images.tags()] == ["18.04", "latest"]
    assert store.images.untag(name)
    assert not store.images.untag(name)
    assert [tag.tag for tag in store.images.tags()] == ["latest"]
    with pytest.raises(NoSuchImage):
        store.images.tag(name, OTHER, first.digest)
    assert [tag.tag for tag in store.images.tags()] == ["latest"]


def test_repo_digests(store: Store) -> None:
    manifest, config = add_image(store, b"1")
    name = parse(f"ubuntu@{manifest.digest}")
    store.images.add_repo_digest(name, config.id)
    store.images.add_repo_digest(name, config.id)
    [row] = store.images.repo_digests_of(config.id)
    assert (row.name, row.digest, row.image) == ("docker.io/library/ubuntu", manifest.digest, config.id)
    with pytest.raises(NoSuchImage):
        store.images.add_repo_digest(name, OTHER)
    assert not store.images.remove_repo_digest(name, OTHER)
    assert store.images.remove_repo_digest(name)
    assert store.images.repo_digests() == []


def test_resolve_as_docker_does(store: Store) -> None:
    manifest, config = add_image(store, b"1")
    store.images.tag(parse("debian:min"), config.id, manifest.digest)
    store.images.add_repo_digest(parse("debian").with_digest(OTHER), config.id)
    id = config.id
    for text in (id, id.hex, id.hex[:12], id.hex[:1], id[:20], "sha256:" + id.hex[:3]):
        match = store.images.resolve(text)
        assert (match.image, match.manifest, match.tag, match.digest) == (id, manifest.digest, None, None)
    for text in ("debian:min", "docker.io/library/debian:min", "library/debian:min", "index.docker.io/debian:min"):
        match = store.images.resolve(text)
        assert match.image == id
        assert match.tag is not None
        assert match.tag.tag == "min"
    for text in (f"debian@{OTHER}", f"debian:other@{OTHER}"):
        match = store.images.resolve(text)
        assert (match.image, match.manifest) == (id, manifest.digest)
        assert match.digest is not None
    by_manifest = store.images.resolve(f"debian@{manifest.digest}")
    assert (by_manifest.image, by_manifest.manifest) == (id, manifest.digest)


# What docker 20.10.24's daemon says.
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("debian", "debian:latest"),
        ("nope:v1", "nope:v1"),
        ("docker.io/library/nope", "nope:latest"),
        ("localhost:1/nope:v", "localhost:1/nope:v"),
        (OTHER, OTHER),
        (OTHER.hex, OTHER),
        (f"nope@{OTHER}", f"nope@{OTHER}"),
        ("00000000", "00000000:latest"),
    ],
)
def test_what_is_not_found(store: Store, text: str, shown: str) -> None:
    add_image(store, b"1")
    with pytest.raises(NoSuchImage) as caught:
        store.images.resolve(text)
    assert str(caught.value) == f"No such image: {shown}"


def test_a_name_of_another_repository_does_not_reach_a_manifest(store: Store) -> None:
    manifest, config = add_image(store, b"1")
    store.images.tag(parse("debian:min"), config.id, manifest.digest)
    with pytest.raises(NoSuchImage):
        store.images.resolve(f"ubuntu@{manifest.digest}")


def test_neither_name_nor_id(store: Store) -> None:
    with pytest.raises(InvalidReference):
        store.images.resolve("NOPE")


def test_an_ambiguous_prefix_means_nothing(store: Store) -> None:
    ids: dict[str, str] = {}
    for number in range(40):
        _, config = add_image(store, str(number).encode())
        if config.id.hex[0] in ids:
            break
        ids[config.id.hex[0]] = config.id
    prefix = config.id.hex[0]
    with pytest.raises(NoSuchImage):
        store.images.resolve(prefix)
    assert store.images.resolve(config.id.hex[:16]).image == config.id


def test_children_and_use(store: Store) -> None:
    _, base = add_image(store, b"1")
    manifest, config = make_image(b"1", b"2")
    store.images.add(config, manifest, (1, 1), parent=base.id, comment="made by hand")
    assert store.images.children(base.id) == [config.id]
    assert store.images.get(config.id).comment == "made by hand"
    store.images.touch(base.id, 5)
    store.images.touch(base.id, 4)
    assert store.images.get(base.id).used == 5


def test_delete_notes_only_what_nothing_else_uses(store: Store) -> None:
    _, base = add_image(store, b"shared")
    manifest, config = add_image(store, b"shared", b"own", b"own2")
    store.images.tag(parse("x"), config.id, manifest.digest)
    store.images.add_repo_digest(parse("x").with_digest(manifest.digest), config.id)
    chains = chain_ids(config.diff_ids)
    assert store.images.delete(config.id) == (chains[2], chains[1])
    assert store.images.tags() == []
    assert store.images.repo_digests() == []
    assert [row.id for row in store.images.rows()] == [base.id]
    with pytest.raises(NoSuchImage):
        store.images.delete(config.id)
    collected = store.collect(lambda chain: None)
    assert collected is not None
    assert set(collected.blobs) == {Digest.of(b"own"), Digest.of(b"own2"), manifest.digest, config.id}
    assert collected.snapshots == (chains[2], chains[1])
    assert Digest.of(b"shared") in store.blobs.all()


def test_writes_nest_and_roll_back(store: Store) -> None:
    first, one = add_image(store, b"1")
    with pytest.raises(RuntimeError), store.db.transaction():
        store.images.tag(parse("x"), one.id, first.digest)
        with pytest.raises(NoSuchImage):
            store.images.tag(parse("y"), OTHER, first.digest)
        assert [tag.tag for tag in store.images.tags()] == ["latest"]
        raise RuntimeError
    assert store.images.tags() == []


def test_a_foreign_key_failure_is_a_host_error(store: Store) -> None:
    add_image(store, b"1")
    with pytest.raises(HostError), store.db.transaction() as connection:
        connection.execute("INSERT INTO tags VALUES ('a', 'b', 'c', 'd')")


@pytest.mark.parametrize(
    ("created", "expected"),
    [
        ("2024-01-01T00:00:00Z", 1704067200_000000000),
        ("2024-01-01T00:00:00.1Z", 1704067200_100000000),
        ("2024-01-01T02:00:00.123456789+02:00", 1704067200_123456789),
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59.5Z", -500000000),
        ("0001-01-01T00:00:00Z", ZERO_TIME),
        (None, ZERO_TIME),
        ("yesterday", ZERO_TIME),
    ],
)
def test_times(created: str | None, expected: int) -> None:
    assert nanoseconds(created) == expected
