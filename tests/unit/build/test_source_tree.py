"""Trees to copy from: patterns, ignore rules, and never a step outside."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pallet.build.source import Tree
from pallet.dockerfile.ignore import IgnoreRules
from pallet.errors import InvalidInput


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A context with a neighbour that must stay out of it."""
    (tmp_path / "secret").write_text("outside")
    context = tmp_path / "context"
    for path in ("a/b/c.txt", "a/d.txt", "e.txt", "f.md"):
        (context / path).parent.mkdir(parents=True, exist_ok=True)
        (context / path).write_text(path)
    (context / "inner").symlink_to("a/b")
    (context / "absolute").symlink_to("/e.txt")
    (context / "escape").symlink_to("../secret")
    (context / "up").symlink_to("..")
    return context


@pytest.fixture
def root(place: Path) -> Iterator[int]:
    fd = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


def paths(tree: Tree, base: str = "") -> list[str]:
    return [entry.path for entry in tree.below(base)]


def test_lists_parents_first_in_byte_order(root: int) -> None:
    assert paths(Tree(root)) == [
        *("a", "a/b", "a/b/c.txt", "a/d.txt", "absolute", "e.txt", "escape", "f.md", "inner", "up"),
    ]


def test_what_is_ignored_is_not_there(root: int) -> None:
    tree = Tree(root, ignore=IgnoreRules.parse("**/*.txt\n"))
    assert "a/d.txt" not in paths(tree)
    with pytest.raises(InvalidInput, match="not found"):
        tree.find("e.txt")


def test_an_ignored_directory_comes_with_what_is_excepted_in_it(root: int) -> None:
    tree = Tree(root, ignore=IgnoreRules.parse("*\n!a/b/c.txt\n"))
    assert paths(tree) == ["a", "a/b", "a/b/c.txt"]
    assert tree.find("a") == ["a"]


def test_wildcards_match_one_component(root: int) -> None:
    tree = Tree(root)
    assert tree.find("*.txt") == ["e.txt"]
    assert tree.find("a/*") == ["a/b", "a/d.txt"]
    assert tree.find("*/d.t?t") == ["a/d.txt"]
    assert tree.find("nothing*") == []


def test_a_missing_name_is_an_error(root: int) -> None:
    with pytest.raises(InvalidInput, match='"/nothing": not found'):
        Tree(root).find("nothing")


@pytest.mark.parametrize("name", ["../secret", "escape", "up/secret", "a/../../secret"])
def test_nothing_leads_out(root: int, name: str) -> None:
    tree = Tree(root)
    with pytest.raises(InvalidInput, match="not found"):
        tree.resolve(tree.find(name)[0])


def test_symlinks_are_followed_inside(root: int) -> None:
    tree = Tree(root)
    assert tree.resolve("inner/c.txt") == "a/b/c.txt"
    assert tree.resolve("absolute") == "e.txt"
    assert tree.resolve("up/e.txt") == "e.txt"  # the root's parent is the root
