""".dockerignore: what docker's documentation says of patterns, and what its matcher does."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pallet.dockerfile.ignore import IgnoreRules
from pallet.dockerfile.wildcards import _tokens, _walk, wildcard_matcher
from pallet.errors import InvalidInput

# A .dockerignore, what it ignores, what it does not.
TABLE: list[tuple[str, str, str]] = [
    ("*/temp*", "some/temporary.txt some/temp some/temp/deep", "temp temporary a/b/temp"),
    ("*/*/temp*", "a/b/temporary.txt", "a/temp temp a/b/c/temp"),
    ("temp?", "tempa tempb/x", "temp tempab a/tempa"),
    ("**/*.go", "x.go a/x.go a/b/c/x.go", "x.c go a.go.txt"),
    ("*.md\n!README.md", "other.md", "README.md docs/other.md"),
    ("*.md\n!README*.md\nREADME-secret.md", "a.md README-secret.md", "README.md README-x.md"),
    ("*.md\nREADME-secret.md\n!README*.md", "a.md", "README.md README-secret.md"),
    ("docs", "docs docs/a docs/a/b", "doc docs2 a/docs"),
    ("docs/", "docs docs/a", "docs2"),
    ("/docs", "docs docs/a", "a/docs"),
    ("./docs", "docs docs/a", "a/docs"),
    ("a/../b//c/.", "b/c b/c/d", "a b c"),
    ("docs\n!docs/README.md", "docs docs/a", "docs/README.md"),
    ("docs/*\n!docs/README.md", "docs/a docs/a/b", "docs docs/README.md"),
    ("!docs/README.md\ndocs", "docs/README.md", "README.md"),
    ("docs\n!docs/*.md\ndocs/x.md", "docs/x.md docs/y", "docs/y.md"),
    ("**\n!keep", "a a/b keeper a/keep", "keep keep/a"),
    ("*\n!keep/me\n", "a keep keep/you", "keep/me keep/me/too"),
    ("# comment\n\n  spaced  \n#x", "spaced", "#x comment"),
    (" #kept", "#kept", "kept"),
    ("\\#hash", "#hash", "hash \\#hash"),
    ("a\\*b", "a*b", "axb ab"),
    ("a[b-d]e", "ace abe", "aae ae"),
    ("a[^b-d]e", "aze", "ace ae"),
    ("a[\\]x]b", "a]b axb", "ab"),
    ("[a-cx-z]?", "ab zz", "mm a"),
    ("a(b).+|{}$", "a(b).+|{}$", "ab"),
    ("a.c", "a.c", "abc"),
    ("**/foo", "foo a/foo a/b/foo foo/x", "afoo foob"),
    ("**foo", "foo afoo a/bfoo", "foob"),
    ("**/foo*", "foo a/foobar", "afoo"),
    ("foo/**", "foo/a foo/a/b", "foo foob"),
    ("foo**", "foo foob foo/a foob/c", "fo a/foo"),
    ("a/**/b", "a/b a/x/b a/x/y/b", "ab a/bc"),
    ("a**/*.txt", "a/x.txt a/b/x.txt", "b/x.txt"),
    ("**/dir/**", "dir/x a/dir/x", "dir a/dir"),
    ("**/node_modules/**/test*.js", "node_modules/a/test1.js x/node_modules/test.js", "test.js"),
    ("**", "a .x a/b", ""),
    ("*", "a .x a/b", ""),
    (".*", ".git .git/config", "a a/.b"),
    (".", "", "a .x"),
    ("/", "", "a"),
    ("", "", "a"),
    ("../x", "", "x"),
    ("\ufeffa\r\nb\r\n", "a b", "c"),
    ("a b", "a~b", "a b"),
]


@pytest.mark.parametrize(("text", "ignored", "kept"), TABLE)
def test_patterns(text: str, ignored: str, kept: str) -> None:
    rules = IgnoreRules.parse(text)
    found = {path: rules.matches(path.replace("~", " ")) for path in (*ignored.split(), *kept.split())}
    assert found == {**dict.fromkeys(kept.split(), False), **dict.fromkeys(ignored.split(), True)}


@pytest.mark.parametrize(
    ("text", "pruned", "walked"),
    [
        ("docs", "docs docs/a", "src"),
        ("docs\n!docs/README.md", "docs/a docs/README", "docs src"),
        ("docs\n!docs/*/keep", "docs/a/b", "docs docs/a"),
        ("docs\n!other", "docs", "src"),
        ("!docs/README.md\ndocs", "docs", "src"),
        ("**\n!**/x", "", "a a/b"),
        ("a\n!a/b[/]c", "", "a"),
        ("*\n!src\n", "docs", "src src/a"),
        ("src/**", "src/a", "src"),
    ],
)
def test_pruning(text: str, pruned: str, walked: str) -> None:
    rules = IgnoreRules.parse(text)
    assert [path for path in pruned.split() if not rules.prunes(path)] == []
    assert [path for path in walked.split() if rules.prunes(path)] == []


@pytest.mark.parametrize("pattern", ["[", "[a", "[]", "[]a]", "[a-]", "[-a]", "a\\", "[\\", "a[^]", "!a["])
def test_no_patterns(pattern: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        IgnoreRules.parse(f"fine\n{pattern}\n")
    assert caught.value.message == "syntax error in pattern"
    assert caught.value.hint == f"line 2 of .dockerignore: {pattern}"


def test_a_lone_exclamation_mark() -> None:
    with pytest.raises(InvalidInput) as caught:
        IgnoreRules.parse("a\n!  \n")
    assert caught.value.message == 'illegal exclusion pattern: "!"'


def test_patterns_of_a_copy() -> None:
    rules = IgnoreRules.of(["*.md", " !x.md", ""])
    assert rules.has_exceptions
    assert rules.matches("a.md")
    assert not rules.matches("x.md")


def test_no_rules_ignore_nothing() -> None:
    assert not IgnoreRules().matches("a")
    assert not IgnoreRules().prunes("a")


PATTERNS = st.lists(st.sampled_from(("a", "b", "*", "**", "**/", "/", "?", "[ab]")), min_size=1, max_size=8).map(
    "".join
)
PATHS = st.lists(st.sampled_from(("a", "b", "/")), min_size=1, max_size=10).map("".join)


@given(PATTERNS, PATHS)
def test_both_ways_of_matching_agree_with_a_plain_expression(pattern: str, path: str) -> None:
    tokens = _tokens(pattern)
    plain = re.compile(f"(?:{''.join(tokens)})(?:/|\\Z)", re.DOTALL).match(path) is not None
    assert _walk(tokens, path) == plain
    if not re.match(r"\*\*[^*?\[/]+\Z", pattern):
        assert wildcard_matcher(pattern)(path) == plain
