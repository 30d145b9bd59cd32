"""Hostile templates end soon, and in a TemplateError; any text parses or is refused."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pallet.errors import TemplateError
from pallet.gotemplate import parse
from pallet.gotemplate.quoting import quote, unquote

_DOUBLING = "".join(
    f'{{{{define "{n}"}}}}{{{{template "{n + 1}"}}}}{{{{template "{n + 1}"}}}}{{{{end}}}}' for n in range(40)
)
_SELF = '{{define "a"}}' + "{{with 1}}" * 40 + '{{template "a"}}' + "{{end}}" * 40 + '{{end}}{{template "a"}}'


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("{{" + "(" * 5000 + "1" + ")" * 5000 + "}}", "template nests deeper than 60 levels"),
        ("{{if 1}}" * 3000 + "{{end}}" * 3000, "template nests deeper than 60 levels"),
        ("{{if 0}}" + "{{else if 0}}" * 3000 + "{{end}}", "template nests deeper than 60 levels"),
        ('{{define "a"}}{{template "a"}}{{end}}{{template "a"}}', "exceeded maximum template depth (100000)"),
        (_SELF, "exceeded maximum"),
        (_DOUBLING + '{{define "40"}}{{end}}{{template "0"}}', "template takes more than 2000000 steps"),
        ("{{$r := .}}" + "{{range $r}}" * 12 + "x" + "{{end}}" * 12, "template takes more than 2000000 steps"),
        ('{{$x := "aaaaaaaa"}}' + "{{$x = print $x $x}}" * 40, "template output is too large"),
        ('{{printf "%9999999d" 1}}' * 20, "template output is too large"),
        ('{{printf "%1000000v" .}}', "template output is too large"),
        ('{{pad "x" 1000000000 1}}', "padding over 1000000"),
        ('{{printf "%*d" 1000000000 1}}', None),
        ("{{1e" + "9" * 5000 + "}}", "illegal number syntax"),
        # Past what a float holds, Go no longer knows it for a whole number.
        ("{{" + "9" * 50000 + "}}", "illegal number syntax"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_ends(text: str, part: str | None) -> None:
    started = time.process_time()
    try:
        output = parse(text).execute([0] * 100)
    except TemplateError as error:
        assert part is not None and part in error.message
    else:
        assert part is None and output == "%!(BADWIDTH)1"
    assert time.process_time() - started < 20


def test_deep_values_do_not_overflow_the_stack() -> None:
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(TemplateError, match="nests too deep"):
        parse("{{.}}").execute(value)


def test_what_is_within_the_limits_works() -> None:
    assert parse("{{" + "(" * 50 + "1" + ")" * 50 + "}}").execute(None) == "1"
    assert parse("{{if 0}}" + "{{else if 0}}" * 50 + "{{else}}x{{end}}").execute(None) == "x"
    assert len(parse("{{range .}}{{.}},{{end}}").execute(list(range(100_000)))) == 588_890


_WORDS = """{{ }} {{- -}} if else end range with define template block break continue nil true .
.A .A.B $ $x := = , | ( )
"s" `r` 'c' 1 1.5 0x1p4 1i printf print index len eq and or not json join /* */ " ' ` \\ - + é ☃"""
_PIECES = st.sampled_from([*_WORDS.split(), "\n", " "])


@given(st.lists(_PIECES, max_size=25), st.booleans())
@settings(max_examples=400)
@example(["{{-", " 1 ", "-}}"], False)
def test_any_words_parse_or_are_refused(pieces: list[str], spaced: bool) -> None:
    text = (" " if spaced else "").join(pieces)
    try:
        template = parse(text)
    except TemplateError as error:
        assert error.message.startswith("template: :")
        return
    try:
        assert isinstance(template.execute({"A": {"B": [1, "x"]}}), str)
    except TemplateError as error:
        assert 'executing "' in error.message


@given(st.text())
def test_any_text_parses_or_is_refused(text: str) -> None:
    for source in (text, "{{" + text, "{{" + text + "}}", '{{"' + text + '"}}'):
        try:
            parse(source)
        except TemplateError as error:
            assert error.message.startswith("template: :")


@given(st.text().filter(lambda text: "{{" not in text))
def test_text_without_actions_is_itself(text: str) -> None:
    assert parse(text).execute({"a": 1}) == text


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_quoted_text_reads_back(text: str) -> None:
    assert unquote(quote(text)) == text
    assert unquote(quote(text, ascii_only=True)) == text
    assert parse("{{" + quote(text) + "}}").execute(None) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_print_so_that_they_read_back(value: float) -> None:
    printed = parse("{{.}} {{json .}}").execute(value)
    assert [float(text) for text in printed.split(" ")] == [value, value]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_hexadecimal_floats_read_back(value: float) -> None:
    assert float.fromhex(parse('{{printf "%x" .}}').execute(value)) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_binary_floats_read_back(value: float) -> None:
    mantissa, exponent = parse('{{printf "%b" .}}').execute(value).split("p")
    numerator, denominator = value.as_integer_ratio()
    shift = int(exponent)
    assert int(mantissa) * 2 ** max(shift, 0) * denominator == numerator * 2 ** max(-shift, 0)
