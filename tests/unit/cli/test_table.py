"""Tables, against output of docker 20.10."""

from __future__ import annotations

import pytest

from pallet.cli.table import align, render


def test_columns_are_ten_wide_at_least_and_three_apart() -> None:
    rows = [("debian", "min", "191b15fd9bd7", "6 minutes ago", "199MB")]
    assert render(("REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"), rows) == (
        "REPOSITORY   TAG       IMAGE ID       CREATED         SIZE\n"
        "debian       min       191b15fd9bd7   6 minutes ago   199MB\n"
    )


def test_a_table_without_rows_is_its_header() -> None:
    header = ("CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES")
    assert render(header, []) == "CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES\n"


def test_empty_cells_keep_their_column() -> None:
    assert render(("A", "B", "C"), [("x", "", "y")]) == ("A         B         C\nx                   y\n")


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("IMAGE ID\tREPOSITORY\n191b15fd9bd7\tdebian\n", "IMAGE ID       REPOSITORY\n191b15fd9bd7   debian\n"),
        # From docker image ls --format 'table {{upper .Repository}}\t{{.Size}}\n': the empty line ends the columns.
        ("REPOSITORY\tSIZE\n\nDEBIAN\t199MB\n\n", "REPOSITORY   SIZE\n\nDEBIAN    199MB\n\n"),
        ("no tabs\n", "no tabs\n"),
        (
            "a\tb\tc\nlong enough a\tb\n",
            "a               b         c\nlong enough a   b\n",
        ),
        ("", ""),
    ],
)
def test_text_is_aligned_at_its_tabs(text: str, out: str) -> None:
    assert align(text) == out


def test_both_ways_lay_out_a_regular_table_alike() -> None:
    header = ("NAME", "A LONG HEADER", "LAST")
    rows = [("x", "y", "z"), ("something longer", "", "end"), ("é", "日本", "")]
    text = "".join("\t".join(line) + "\n" for line in (header, *rows))
    assert align(text) == render(header, rows)
