"""What a build saw: the same digest later means the same files."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pallet.build.seen import Seen, state_of
from pallet.build.source import Tree

_LATER = time.time_ns() + 3_600_000_000_000


def _seen(directory: Path) -> Seen:
    seen = Seen()
    root = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        tree = Tree(root, seen=seen)
        for path in tree.find("a*"):
            list(tree.below(tree.resolve(path)))
    finally:
        os.close(root)
    return seen


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "all/below").mkdir(parents=True)
    (tmp_path / "all/below/odd\udcff name\n").write_text("odd")
    (tmp_path / "else").mkdir()
    return tmp_path


def test_the_same_is_seen_again(directory: Path) -> None:
    seen = _seen(directory)
    assert set(seen.paths) == {"", "all", "all/below", "all/below/odd\udcff name\n"}
    assert seen.state(_LATER) == state_of(str(directory), seen.paths) != ""


def test_what_was_not_looked_at_does_not_count(directory: Path) -> None:
    seen = _seen(directory)
    (directory / "else/new").touch()
    assert seen.state(_LATER) == state_of(str(directory), seen.paths)


def test_a_name_more_counts_and_one_less(directory: Path) -> None:
    seen = _seen(directory)
    (directory / "all/below/new").touch()
    assert state_of(str(directory), seen.paths) not in ("", seen.state(_LATER))
    (directory / "all/below/odd\udcff name\n").unlink()
    assert state_of(str(directory), seen.paths) == ""


def test_what_changed_late_or_meanwhile_tells_nothing(directory: Path) -> None:
    seen = _seen(directory)
    assert seen.state(time.time_ns()) == ""
    (directory / "all/below/odd\udcff name\n").write_text("another")
    path = "all/below/odd\udcff name\n"
    seen.note(path, os.lstat(directory / path))
    assert seen.state(_LATER) == ""


def test_a_way_over_a_link_tells_nothing(directory: Path) -> None:
    (directory / "at").symlink_to("else")
    assert _seen(directory).state(_LATER) == ""
