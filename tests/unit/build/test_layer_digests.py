"""Cache keys come from contents and modes, never from times; files that did not change are not read again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pallet.build.digests import content_digests, tree_digest
from pallet.build.source import Tree
from pallet.store.build_cache import BuildCache
from pallet.store.db import Database


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[BuildCache]:
    db = Database(str(tmp_path / "db.sqlite"))
    yield BuildCache(db)
    db.close()


def made(place: Path, text: str = "text") -> Path:
    place.mkdir()
    (place / "sub").mkdir()
    (place / "sub/file").write_text(text)
    (place / "link").symlink_to("sub")
    os.link(place / "sub/file", place / "hard")
    return place


def digest(place: Path, cache: BuildCache) -> bytes:
    root = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        tree = Tree(root, stable=True)
        entries = list(tree.below(""))
        return tree_digest(tree, "", entries, content_digests(tree, entries, cache))
    finally:
        os.close(root)


def test_times_and_places_do_not_matter(tmp_path: Path, cache: BuildCache) -> None:
    first, second = made(tmp_path / "one"), made(tmp_path / "two")
    os.utime(second / "sub/file", (1, 1))
    assert digest(first, cache) == digest(second, cache)


@pytest.mark.parametrize("change", ["content", "mode", "link", "name", "hard link"])
def test_everything_else_does(tmp_path: Path, cache: BuildCache, change: str) -> None:
    first, second = made(tmp_path / "one"), made(tmp_path / "two")
    if change == "content":
        (second / "sub/file").write_text("texT")
    elif change == "mode":
        (second / "sub/file").chmod(0o600)
    elif change == "link":
        (second / "link").unlink()
        (second / "link").symlink_to("suB")
    elif change == "name":
        (second / "link").rename(second / "lynk")
    else:
        (second / "hard").unlink()
        (second / "hard").write_text("text")
    assert digest(first, cache) != digest(second, cache)


def test_a_known_file_is_not_read_again(tmp_path: Path, cache: BuildCache) -> None:
    place = tmp_path / "place"
    place.mkdir()
    file = place / "file"
    file.write_text("text")
    status = file.stat()
    identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    cache.keep_file_digests({identity: b"remembered"})
    root = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        tree = Tree(root, stable=True)
        assert content_digests(tree, tree.below(""), cache) == {"file": b"remembered"}
        file.write_text("txet")  # the same size; the times tell
        assert content_digests(tree, tree.below(""), cache) != {"file": b"remembered"}
    finally:
        os.close(root)


def test_a_file_that_has_just_changed_is_not_remembered(tmp_path: Path, cache: BuildCache) -> None:
    """Within the clock's granularity it might change once more, and look the same."""
    place = made(tmp_path / "place")
    digest(place, cache)
    status = (place / "sub/file").stat()
    identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    assert cache.file_digests([identity]) == {}
