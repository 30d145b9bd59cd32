"""The help pages of `pallet container ...` are docker's, examples apart."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pallet.cli import tree
from pallet.cli.help import command_page

GOLDEN = Path(__file__).parents[2] / "golden" / "help"
VERBS = (
    "attach",
    "cp",
    "diff",
    "exec",
    "logs",
    "pause",
    "port",
    "rename",
    "restart",
    "stats",
    "top",
    "unpause",
    "update",
)


@pytest.mark.parametrize("verb", VERBS)
def test_a_page_is_docker_s(verb: str) -> None:
    group = tree.ROOT.child("container")
    assert group is not None
    node = group.child(verb)
    assert node is not None
    page = "\n" + command_page(f"docker container {verb}", node, tree.load(node), 80)
    page = re.sub(r"\n\nExamples:\n(?:  .*\n)+", "\n", page).replace("\tpallet", "\tdocker")
    assert page == (GOLDEN / f"docker-container-{verb}.txt").read_text()


@pytest.mark.parametrize("verb", [*VERBS, "create"])
def test_the_short_form_is_there(verb: str) -> None:
    node = tree.ROOT.child(verb)
    assert node is not None
    assert tree.load(node).short == node.short
