"""`--format`, against output of docker 20.10 for the same image and the same templates."""

from __future__ import annotations

import io
import sys

import pytest

from pallet.cli.context import Context
from pallet.cli.failure import Failure
from pallet.cli.format import Row, print_rows, print_value

HEADERS = {"ID": "IMAGE ID", "Repository": "REPOSITORY", "Size": "SIZE", "Tag": "TAG"}
VALUES = {"ID": "191b15fd9bd7", "Repository": "debian", "Size": "199MB", "Tag": "<none>"}


class Image(Row):
    FIELDS = tuple(VALUES)
    GO_TYPE = "*formatter.imageContext"

    def field(self, name: str) -> str:
        return VALUES[name]


def printed(template: str, count: int = 1, *, quiet: str = "") -> str:
    out = io.StringIO()
    print_rows(
        Context(sys.stdin, out, sys.stderr, {}),
        [Image()] * count,
        template=template,
        columns=("Repository", "Tag", "ID", "Size"),
        headers=HEADERS,
        quiet=quiet,
        named={"raw": "repository: {{ .Repository }}\nimage_id: {{.ID}}\n"},
    )
    return out.getvalue()


DEFAULT = "REPOSITORY   TAG       IMAGE ID       SIZE\ndebian       <none>    191b15fd9bd7   199MB\n"


@pytest.mark.parametrize(
    ("template", "out"),
    [
        ("", DEFAULT),
        ("table", DEFAULT),
        (r"table {{.ID}}\t{{.Repository}}", "IMAGE ID       REPOSITORY\n191b15fd9bd7   debian\n"),
        ("table {{.ID}}  {{.Repository}}", "IMAGE ID  REPOSITORY\n191b15fd9bd7  debian\n"),
        (
            r"table {{upper .Repository}}\t{{.Size}}\n",
            "REPOSITORY   SIZE\n\nDEBIAN    199MB\n\n",
        ),
        (r"{{.ID}}\t{{.Repository}}\n", "191b15fd9bd7\tdebian\n\n"),
        (" table {{.ID}}", "table 191b15fd9bd7\n"),
        ("tablex {{.ID}}", "x IMAGE ID\nx 191b15fd9bd7\n"),
        (" {{.ID}} ", "191b15fd9bd7\n"),
        ("pretty", "pretty\n"),
        ("raw", "repository: debian\nimage_id: 191b15fd9bd7\n\n"),
        (
            r'table {{json .Repository}}\t{{truncate .ID 3}}\t{{join (split .ID "a") "b"}}\t{{title .Size}}',
            'REPOSITORY   IMAGE ID   IMAGE ID       SIZE\n"debian"     191        191b15fd9bd7   199MB\n',
        ),
        (
            r"table {{.Repository}}:{{.Tag}}\t{{if .Size}}{{.Size}}{{end}}",
            "REPOSITORY:TAG   SIZE\ndebian:<none>    199MB\n",
        ),
        (r"table {{len .ID}}\t{{.Tag}}", "8         TAG\n12        <none>\n"),
        ("table {{lower .ID}}", "IMAGE ID\n191b15fd9bd7\n"),
        ('table {{print "json }} upper" (.ID | json)}}', 'json }} upperIMAGE ID\njson }} upper"191b15fd9bd7"\n'),
        (
            "{{json .}}",
            '{"ID":"191b15fd9bd7","Repository":"debian","Size":"199MB","Tag":"\\u003cnone\\u003e"}\n',
        ),
        ("json", '{"ID":"191b15fd9bd7","Repository":"debian","Size":"199MB","Tag":"\\u003cnone\\u003e"}\n'),
    ],
)
def test_templates(template: str, out: str) -> None:
    assert printed(template) == out


@pytest.mark.parametrize(
    ("template", "out"),
    [
        ("", "REPOSITORY   TAG       IMAGE ID   SIZE\n"),
        ("table {{.ID}}", "IMAGE ID\n"),
        ("table {{.Foo}}", "<no value>\n"),
        ("{{.ID}}", ""),
        ("json", ""),
    ],
)
def test_without_rows(template: str, out: str) -> None:
    assert printed(template, 0) == out


def test_quiet_counts_only_without_a_template() -> None:
    assert printed("", 2, quiet="ID") == "191b15fd9bd7\n191b15fd9bd7\n"
    assert printed("table", quiet="ID") == "191b15fd9bd7\n"
    assert printed("table {{.Size}}", quiet="ID") == "SIZE\n199MB\n"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{.Foo", "template parsing error: template: :1: unclosed action"),
        (
            "table {{.Foo}}",
            'template parsing error: template: :1:2: executing "" at <.Foo>: '
            "can't evaluate field Foo in type *formatter.imageContext",
        ),
    ],
)
def test_bad_templates(template: str, message: str) -> None:
    with pytest.raises(Failure) as caught:
        printed(template)
    assert (caught.value.message, caught.value.exit_code) == (message, 1)


def test_one_value_through_a_template() -> None:
    out = io.StringIO()
    ctx = Context(sys.stdin, out, sys.stderr, {})
    print_value(ctx, "{{.A}}", {"A": 1})
    print_value(ctx, "json", {"A": 1})
    assert out.getvalue() == '1\n{"A":1}\n'
    with pytest.raises(Failure) as caught:
        print_value(ctx, "{{.A", {}, name="version")
    assert caught.value.message == "template parsing error: template: version:1: unclosed action"
    assert caught.value.exit_code == 64
