"""docker's `--format`: tables by default, Go templates, JSON.

The default table needs no template: it is printed from the rows' fields alone, because listing must start fast.
Source: docker/cli cli/command/formatter/formatter.go.
"""

from __future__ import annotations

from pallet.cli.failure import Failure
from pallet.cli.table import align, render
from pallet.errors import TemplateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pallet.cli.context import Context
    from pallet.gotemplate import Template

_PREFIX = "table"
_TEXT_FUNCTIONS = ("json", "lower", "title", "truncate", "upper")
_STRING = r'"(?:\\.|[^"\\])*"|`[^`]*`'
_ACTION = rf"\{{\{{(?:{_STRING}|.)*?\}}\}}"
_WORD = rf"{_STRING}|[.$]?\w+"


class Row:
    """One line of a listing, its fields worked out only when they are asked for.

    A subclass names its fields (in Go's spelling) in `FIELDS` and makes each in `field`.
    """

    __slots__ = ()

    FIELDS: tuple[str, ...] = ()
    GO_TYPE = "*formatter.SubContext"
    """The type that docker names when a template asks for a field that is not there."""

    def field(self, name: str) -> str:
        """The text of one of `FIELDS`."""
        raise NotImplementedError

    @property
    def __go_type__(self) -> str:
        return self.GO_TYPE

    def __go_field__(self, name: str) -> object:
        if name not in self.FIELDS:
            raise KeyError(name)
        return self.field(name)

    def __go_json__(self) -> object:
        return {name: self.field(name) for name in sorted(self.FIELDS)}


class LabelledRow(Row):
    """A line on what has labels: `.Labels` are all of them, `.Label "key"` is one."""

    __slots__ = ()

    def labels(self) -> Mapping[str, str]:
        """The labels."""
        raise NotImplementedError

    def labels_text(self) -> str:
        """All of them, by name."""
        return ",".join(f"{key}={value}" for key, value in sorted(self.labels().items()))

    def __go_field__(self, name: str) -> object:
        if name == "Label":
            return lambda key: self.labels().get(key, "")
        return super().__go_field__(name)


def print_rows(
    ctx: Context,
    rows: Iterable[Row],
    *,
    template: str,
    columns: Sequence[str],
    headers: Mapping[str, str],
    quiet: str = "",
    named: Mapping[str, str] | None = None,
    ending: str = "\n",
) -> None:
    """Print a listing.

    Args:
        ctx: where to.
        rows: the lines.
        template: what the user gave as `--format`: nothing or `table`, `table TEMPLATE`, `json`, a name out of `named`,
            or a template for each row.
        columns: the fields of the default table.
        headers: the title of each field in tables.
        quiet: with `-q`, the field that is printed instead of the default table; empty without `-q`.
        named: templates that have a name of their own, such as `raw`.
        ending: what follows each row of a template.

    Raises:
        Failure: the template does not parse or fails on a row; nothing has been printed then.
    """
    if template in ("", _PREFIX):
        if quiet:
            ctx.stdout.write("".join(f"{row.__go_field__(quiet)}\n" for row in rows))
            return
        ctx.stdout.write(
            render([headers[name] for name in columns], [[row.field(name) for name in columns] for row in rows])
        )
        return
    source = (named or {}).get(template, template)
    in_table = source.startswith(_PREFIX)
    if source == "json":
        source = "{{json .}}"
    elif in_table:
        source = source[len(_PREFIX) :]
    compiled = _parse(source.strip(" ").replace("\\t", "\t").replace("\\n", "\n"))
    lines = [_execute(compiled, row) + ending for row in rows]
    if not in_table:
        ctx.stdout.write("".join(lines))
        return
    ctx.stdout.write(align("".join([_titles(compiled.text, headers) + "\n", *lines])))


def print_value(ctx: Context, template: str, value: object, *, name: str = "") -> None:
    """Print one value through a template, as `docker version` and `docker info` do.

    Args:
        ctx: where to.
        template: what the user gave as `--format`; `json` is all of it.
        value: any value a template takes.
        name: the template's name in error texts.

    Raises:
        Failure: the template does not parse (exit code 64), or fails (exit code 1).
    """
    compiled = _parse("{{json .}}" if template == "json" else template, name, exit_code=64)
    try:
        text = compiled.execute(value)
    except TemplateError as error:
        ctx.print()  # docker ends the line it was about to write
        raise Failure(error.message) from None
    ctx.print(text)


def _parse(source: str, name: str = "", *, exit_code: int = 1) -> Template:
    from pallet.gotemplate import parse

    try:
        return parse(source, name)
    except TemplateError as error:
        raise Failure(f"template parsing error: {error.message}", exit_code=exit_code) from None


def _execute(template: Template, row: Row) -> str:
    try:
        return template.execute(row)
    except TemplateError as error:
        raise Failure(f"template parsing error: {error.message}", exit_code=1) from None


class _Titles:
    """The titles of fields: what a template for rows makes a table's first line of."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def __go_field__(self, name: str) -> object:
        if name == "Label":  # a label's title is the last part of its name, in words
            return lambda label: label.rpartition(".")[2].replace("-", " ").replace("_", " ")
        from pallet.gotemplate import MISSING

        return self._headers.get(name, MISSING)


def _titles(source: str, headers: Mapping[str, str]) -> str:
    """The first line of a table: the template with each field's title in its place.

    docker's functions on texts leave titles as they are there. `or` does just that: it returns its first argument.
    """
    import re

    from pallet.gotemplate import parse

    def in_action(action: re.Match[str]) -> str:
        return re.sub(_WORD, lambda word: "or" if word[0] in _TEXT_FUNCTIONS else word[0], action[0])

    try:
        return parse(re.sub(_ACTION, in_action, source, flags=re.DOTALL)).execute(_Titles(headers))
    except TemplateError:  # docker shows what there is of the line; the rows have shown the error, if there are any
        return ""
