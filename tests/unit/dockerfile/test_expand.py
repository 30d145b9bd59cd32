"""Variables with modifiers and patterns, quotes, escapes, and the words they make."""

from __future__ import annotations

import pytest

from pallet.dockerfile.expand import expand, expansion
from pallet.dockerfile.source import excerpt
from pallet.dockerfile.words import split_instruction, split_words

VALUES = {"a": "1", "empty": "", "path": "/usr/local/lib/x.tar.gz", "two": "x y", "star": "a*b*c", "url": "http://h/p"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$a$a", "11"),
        ("${a}b$nothing.", "1b."),
        ("$12x", "x"),
        ("$$", ""),
        ("$@ $# $? $! $- $*", "     "),
        ("$.", "$."),
        ("${nothing:-d}${nothing-d}", "dd"),
        ("${empty:-d}${empty-d}", "d"),
        ("${a:+x}${empty:+x}${empty+x}${nothing+x}", "xx"),
        ("${a?}${a:?}", "11"),
        ("${nothing:-${empty:-${a}}}", "1"),
        ("${nothing:-\"x y\"}${nothing:-'}'}", "x y}"),
        ("${nothing:-\\}}", "}"),
        ("${path#*/}", "usr/local/lib/x.tar.gz"),
        ("${path##*/}", "x.tar.gz"),
        ("${path%.*}", "/usr/local/lib/x.tar"),
        ("${path%%.*}", "/usr/local/lib/x"),
        ("${path%/*/*}", "/usr/local"),
        ("${path%%/*}", ""),
        ("${path#?usr}", "/local/lib/x.tar.gz"),
        ("${path#nothing}${path%nothing}", VALUES["path"] * 2),
        ("${path#}", VALUES["path"]),
        ("${star#a\\*}", "b*c"),
        ("${star%%\\**}", "a"),
        ("${path/l*l/X}", "/usr/Xib/x.tar.gz"),
        ("${path/l/L}", "/usr/Local/lib/x.tar.gz"),
        ("${path//l/L}", "/usr/LocaL/Lib/x.tar.gz"),
        ("${path//\\//_}", "_usr_local_lib_x.tar.gz"),
        ("${path/.*/}", "/usr/local/lib/x"),
        ("${path//./$a}", "/usr/local/lib/x1tar1gz"),
        ("${url/http:\\/\\//}", "h/p"),
        ("${a/$nothing/x}", "x1"),
        ("${a//$nothing/x}", "x1x"),
        ("${nothing#x}${nothing/x/y}", ""),
        ("'$a' \"$a\" \\$a", "$a 1 $a"),
        ('"\\"\\$\\\\\\n"', '"$\\\\n'),
        ("a\\", "a"),
        ("é$a", "é1"),
    ],
)
def test_values(text: str, value: str) -> None:
    assert expand(text, VALUES) == value


def test_the_escape_character_may_be_a_backtick() -> None:
    assert expand("C:\\$a`$a", VALUES, "`") == "C:\\1$a"
    assert expand('"`"\\"', {}, "`") == '"\\'
    assert split_words('a` b "c` d', "`") == ["a` b", '"c` d']


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a  b\tc", ["a", "b", "c"]),
        ("$two", ["x", "y"]),
        ('"$two" z', ["x y", "z"]),
        ("'a b'c d", ["a bc", "d"]),
        ("a\\ b", ["a b"]),
        ("a${nothing:-b}c", ["abc"]),
        ('"" a', ["a"]),
        ("", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert list(expansion(text, VALUES).words) == words


def test_names_are_noted() -> None:
    found = expansion("$a ${b:-$c} '$d'", VALUES)
    assert found.used == {"a"}
    assert found.undefined == {"b", "c"}


def test_in_a_heredoc_quotes_are_text() -> None:
    assert expansion("\"$a\" '$a' \\$a", VALUES, quotes=False).text == "\"1\" '1' $a"


def test_undefined_variables_and_quotes_can_stay() -> None:
    found = expansion("$x ${x} ${x:-\"1\"} ${x/a/b} '$a' $a", VALUES, keep_unset=True, keep_quotes=True)
    assert found.text == "$x ${x} ${x:-\"1\"} ${x/a/b} '$a' 1"


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("RUN a b", ("RUN", (), "a b")),
        ("  run\t--x=1  --y  a --z ", ("run", ("--x=1", "--y"), "a --z")),
        ("RUN --m=\"a b\",c='d' e", ("RUN", ("--m=a b,c=d",), "e")),
        ("RUN --m=a\\ b e", ("RUN", ("--m=a b",), "e")),
        ("RUN --a -- --b", ("RUN", ("--a",), "--b")),
        ("RUN -x", ("RUN", (), "-x")),
        ("RUN", ("RUN", (), "")),
        ("", ("", (), "")),
    ],
)
def test_keyword_flags_and_body(line: str, parts: tuple[str, tuple[str, ...], str]) -> None:
    assert split_instruction(line) == parts


def test_excerpt_of_one_line() -> None:
    source = "FROM a\n\nFOO x\r\nRUN y\nRUN z\nRUN last\n"
    assert excerpt(source, (3, 3), "my/Dockerfile") == (
        "my/Dockerfile:3\n"
        "--------------------\n"
        "   1 |     FROM a\n"
        "   2 |     \n"
        "   3 | >>> FOO x\n"
        "   4 |     RUN y\n"
        "   5 |     RUN z\n"
        "--------------------\n"
    )


def test_excerpt_of_several_lines_and_at_the_edges() -> None:
    source = "1\n2\n3\n4\n5\n6"
    assert excerpt(source, (3, 4)).splitlines()[2:-1] == [
        "   2 |     2",
        "   3 | >>> 3",
        "   4 | >>> 4",
        "   5 |     5",
    ]
    assert excerpt(source, (1, 1)).splitlines()[2:-1] == ["   1 | >>> 1", "   2 |     2", "   3 |     3"]
    assert ">>> 6" in excerpt(source, (6, 9))
    assert excerpt(source, (0, 0)) == ""
    assert excerpt(source, (7, 7)) == ""
