"""What a COPY puts where, over a stage's root."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pallet.build.copyplan import CopyPlan, Item
from pallet.build.files import Copied, gather
from pallet.build.source import Tree
from pallet.errors import InvalidInput

Layout = Callable[..., list[Item]]


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    """Lays sources of a small context out over a small root."""
    context, root = tmp_path / "context", tmp_path / "root"
    for path in ("file", "dir/one", "dir/sub/two"):
        (context / path).parent.mkdir(parents=True, exist_ok=True)
        (context / path).write_text(path)
    (context / "dir/link").symlink_to("one")
    for path in ("etc/passwd", "data/keep"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("")
    (root / "data").chmod(0o700)
    (root / "to-data").symlink_to("/data")
    (root / "loop").symlink_to("loop")
    (root / "nowhere").symlink_to("missing/place")
    with ExitStack() as stack:
        fds = [os.open(each, os.O_RDONLY | os.O_DIRECTORY) for each in (context, root)]
        for fd in fds:
            stack.callback(os.close, fd)

        def lay(destination: str, *sources: str, parents: bool = False, exclude: tuple[str, ...] = ()) -> list[Item]:
            tree = Tree(fds[0])
            gathered = gather([Copied(tree, each) for each in sources], destination, parents=parents, exclude=exclude)
            plan = CopyPlan(fds[1])
            for piece, into in zip(gathered.pieces, gathered.into, strict=True):
                plan.copy(piece, destination, into=into)
            return plan.items()

        yield lay


def names(items: list[Item]) -> list[str]:
    return [item.path for item in items]


def test_a_file_becomes_the_destination(layout: Layout) -> None:
    assert names(layout("/new", "file")) == ["new"]


@pytest.mark.parametrize("destination", ["/data", "/data/", "/to-data", "/to-data/"])
def test_a_file_goes_into_a_directory_that_is_there(layout: Layout, destination: str) -> None:
    items = layout(destination, "file")
    assert names(items) == ["data", "data/file"]
    assert stat.S_IMODE(items[0].mode) == 0o700
    assert items[0].existing


def test_missing_directories_are_made(layout: Layout) -> None:
    items = layout("/x/y/", "file")
    assert names(items) == ["x", "x/y", "x/y/file"]
    assert {stat.S_IMODE(item.mode) for item in items[:2]} == {0o755}


def test_of_a_directory_the_contents_are_copied(layout: Layout) -> None:
    assert names(layout("/x", "dir")) == ["x", "x/link", "x/one", "x/sub", "x/sub/two"]


def test_a_destination_may_be_a_symlink_that_leads_nowhere_yet(layout: Layout) -> None:
    assert names(layout("/nowhere", "file")) == ["missing", "missing/place"]


def test_parents_keep_their_names(layout: Layout) -> None:
    assert names(layout("/x/", "dir/sub/two", "file", parents=True)) == [
        *("x", "x/dir", "x/dir/sub", "x/dir/sub/two", "x/file"),
    ]
    for pivoted in ("dir/./sub/two", "./dir/./sub/two"):
        assert names(layout("/x/", pivoted, parents=True)) == ["x", "x/sub", "x/sub/two"]


def test_a_directory_with_its_parents_keeps_its_own_name(layout: Layout) -> None:
    whole = ["x", "x/dir", "x/dir/link", "x/dir/one", "x/dir/sub", "x/dir/sub/two"]
    assert names(layout("/x/", "dir", parents=True)) == whole
    assert names(layout("/x/", "./dir/./sub", parents=True)) == ["x", "x/sub", "x/sub/two"]
    assert names(layout("/x/", "dir/sub/.", parents=True)) == ["x", "x/dir", "x/dir/sub", "x/dir/sub/two"]
    assert names(layout("/x/", "dir/./.", parents=True)) == ["x", "x/link", "x/one", "x/sub", "x/sub/two"]


def test_wildcards_with_parents(layout: Layout) -> None:
    """Before the pivot as ever; behind it `**` is any number of directories, none with them."""
    two = ["x", "x/sub", "x/sub/two"]
    assert names(layout("/x/", "d*/./s*/t*", parents=True)) == two
    assert names(layout("/x/", "d*/./**/two", parents=True)) == two
    assert names(layout("/x/", "d?r/./sub/**", parents=True)) == two
    assert names(layout("/x/", "dir/./sub/./two", parents=True)) == two
    assert names(layout("/x/", "**/one", "*/**/two", parents=True)) == [
        *("x", "x/dir", "x/dir/one", "x/dir/sub", "x/dir/sub/two"),
    ]
    assert names(layout("/x/", "dir/**/sub/**/two", parents=True))[-1] == "x/dir/sub/two"
    assert names(layout("/x/", "none*/two", parents=True)) == []


def test_what_is_excluded_stays_out(layout: Layout) -> None:
    assert names(layout("/x/", "dir", "file", exclude=("**/two", "file", "link"))) == ["x", "x/one", "x/sub"]


@pytest.mark.parametrize(
    ("destination", "source", "message"),
    [
        ("/etc/passwd/", "file", "mkdir /etc/passwd: not a directory"),
        ("/etc/passwd/x", "file", "mkdir /etc/passwd: not a directory"),
        ("/etc/passwd", "dir", "mkdir /etc/passwd: not a directory"),
        ("/loop/x", "file", "too many levels of symbolic links"),
    ],
)
def test_what_is_in_the_way_is_an_error(layout: Layout, destination: str, source: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        layout(destination, source)


def test_a_layer_cannot_hold_names_of_whiteouts(layout: Layout) -> None:
    with pytest.raises(InvalidInput, match=r"begins with \.wh\."):
        layout("/.wh.x", "file")


def test_the_same_name_twice_is_the_later_one(layout: Layout) -> None:
    items = layout("/x/one", "file", "dir/sub/two")
    assert names(items) == ["x", "x/one"]
    assert items[1].entry is not None
    assert items[1].entry.path == "dir/sub/two"
