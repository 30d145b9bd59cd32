"""The last build of each place: kept as it is, as long as its image and its names are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.store.building import add_image

from pallet.digest import Digest
from pallet.reference import parse
from pallet.store.last_builds import LastBuild
from pallet.store.store import Store

_PLACE = "/odd\udcff place\n\0Dockerfile"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(str(tmp_path))
    yield made
    made.close()


@pytest.fixture
def build(store: Store) -> LastBuild:
    """One that is kept: `made` on `box`."""
    base, config = add_image(store, b"base")
    store.images.tag(parse("box"), config.id, base.digest)
    manifest, made = add_image(store, b"base", b"more")
    store.images.tag(parse("localhost:5000/made:one"), made.id, manifest.digest)
    kept = LastBuild(
        "question",
        made.id,
        manifest.digest,
        [("docker.io/library/box:latest", config.id)],
        ["localhost:5000/made:one"],
        [Digest.of(b"key")],
        ["", "a", "odd\udcff name\n"],
        "state",
        b"[]",
    )
    store.last_builds.keep(_PLACE, kept)
    return kept


def test_it_comes_back_as_it_was(store: Store, build: LastBuild) -> None:
    found = store.last_builds.get(_PLACE)
    assert found is not None
    assert {name: getattr(found, name) for name in LastBuild.__slots__} == {
        name: getattr(build, name) for name in LastBuild.__slots__
    }
    assert store.last_builds.get("/other\0Dockerfile") is None


def test_it_stands_while_its_names_do(store: Store, build: LastBuild) -> None:
    assert store.last_builds.stands(build)
    store.images.untag(parse("localhost:5000/made:one"))
    assert not store.last_builds.stands(build)


def test_it_falls_with_its_base(store: Store, build: LastBuild) -> None:
    store.images.tag(parse("box"), build.image, build.manifest)
    assert not store.last_builds.stands(build)


def test_it_goes_with_its_image(store: Store, build: LastBuild) -> None:
    store.images.untag(parse("localhost:5000/made:one"))
    store.images.delete(build.image)
    assert store.last_builds.get(_PLACE) is None


def test_it_can_be_forgotten(store: Store, build: LastBuild) -> None:
    store.last_builds.forget()
    assert store.last_builds.get(_PLACE) is None


def test_those_longest_not_wanted_go(store: Store, build: LastBuild) -> None:
    for number in range(99):
        store.last_builds.keep(f"/{number}", build)
    store.last_builds.again(_PLACE, build)
    store.last_builds.keep("/one more", build)
    assert store.last_builds.get(_PLACE) is not None
    assert store.last_builds.get("/0") is None
    assert store.last_builds.get("/1") is not None
