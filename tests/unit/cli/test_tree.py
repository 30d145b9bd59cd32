"""The table of commands and the commands' own declarations agree."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from pallet.cli import tree
from pallet.cli.command import with_help
from pallet.cli.tree import Node


def leaves(node: Node, path: str) -> Iterator[tuple[str, Node]]:
    for child in node.children:
        if child.children:
            yield from leaves(child, f"{path} {child.name}")
        else:
            yield f"{path} {child.name}", child


LEAVES = dict(leaves(tree.ROOT, "pallet"))
PRESENT = [path for path, node in LEAVES.items() if find_spec(f"pallet.cli.{node.module}") is not None]


@pytest.mark.parametrize("path", PRESENT)
def test_a_command_is_what_the_table_says(path: str) -> None:
    node = LEAVES[path]
    command = tree.load(node)
    assert command.short == node.short
    names = [name for flag in with_help(command.flags) for name in (flag.name, flag.short) if name]
    assert len(names) == len(set(names))
    assert callable(command.run)


@pytest.mark.parametrize(
    ("short", "managed"),
    [("images", "image ls"), ("rmi", "image rm"), ("ps", "container ls"), ("run", "container run")],
)
def test_short_forms_are_the_managed_commands(short: str, managed: str) -> None:
    assert LEAVES[f"pallet {short}"].module == LEAVES[f"pallet {managed}"].module


def test_words_are_found_by_name_and_alias_and_only_once() -> None:
    image = tree.ROOT.child("image")
    assert image is not None
    for word, name in {"ls": "ls", "list": "ls", "remove": "rm", "rmi": "rm"}.items():
        found = image.child(word)
        assert found is not None
        assert found.name == name
    assert image.child("images") is None
    for group in (tree.ROOT, *(node for node in tree.ROOT.children if node.children)):
        words = [word for node in group.children for word in (node.name, *node.aliases)]
        assert len(words) == len(set(words))
