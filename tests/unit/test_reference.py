"""References, against what docker 20.10 makes of the same words."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pallet.digest import Digest
from pallet.errors import InvalidReference
from pallet.naming import familiar
from pallet.reference import parse

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "full", "short"),
    [
        ("ubuntu", "docker.io/library/ubuntu", "ubuntu"),
        ("ubuntu:18.04", "docker.io/library/ubuntu:18.04", "ubuntu:18.04"),
        ("library/ubuntu", "docker.io/library/ubuntu", "ubuntu"),
        ("docker.io/ubuntu", "docker.io/library/ubuntu", "ubuntu"),
        ("index.docker.io/me/app", "docker.io/me/app", "me/app"),
        ("me/app:v1", "docker.io/me/app:v1", "me/app:v1"),
        ("localhost/app", "localhost/app", "localhost/app"),
        ("localhost:5000/app", "localhost:5000/app", "localhost:5000/app"),
        ("localhost:5000/a/b:c", "localhost:5000/a/b:c", "localhost:5000/a/b:c"),
        ("registry.example.com/app", "registry.example.com/app", "registry.example.com/app"),
        ("[::1]:5000/app", "[::1]:5000/app", "[::1]:5000/app"),
        ("UPPER/app", "UPPER/app", "UPPER/app"),
        (f"ubuntu@{DIGEST}", f"docker.io/library/ubuntu@{DIGEST}", f"ubuntu@{DIGEST}"),
        (f"ubuntu:1@{DIGEST}", f"docker.io/library/ubuntu:1@{DIGEST}", f"ubuntu:1@{DIGEST}"),
        ("a-b__c.d", "docker.io/library/a-b__c.d", "a-b__c.d"),
        ("app:5000", "docker.io/library/app:5000", "app:5000"),
    ],
)
def test_normal_and_familiar_form(text: str, full: str, short: str) -> None:
    reference = parse(text)
    assert str(reference) == full
    assert reference.familiar == short
    assert familiar(full) == short


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "invalid reference format"),
        ("Ubuntu", "invalid reference format: repository name must be lowercase"),
        ("me/App", "invalid reference format: repository name must be lowercase"),
        ("ubuntu:", "invalid reference format"),
        (":tag", "invalid reference format"),
        ("ubuntu:ta g", "invalid reference format"),
        ("ubuntu:" + "t" * 129, "invalid reference format"),
        ("a//b", "invalid reference format"),
        ("/a", "invalid reference format"),
        ("a/", "invalid reference format"),
        ("-a", "invalid reference format"),
        ("a___b", "invalid reference format"),
        ("ubuntu@sha256:12", "invalid reference format"),
        ("ubuntu@md5:" + "a" * 32, "invalid reference format"),
        ("a" * 64, f"invalid repository name ({'a' * 64}), cannot specify 64-byte hexadecimal strings"),
        ("a" * 300, "repository name must not be more than 255 characters"),
        ("ubuntu\n", "invalid reference format"),
        ("ubuntu:1\n", "invalid reference format"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        parse(text)
    assert caught.value.message == message


@given(st.text(max_size=80))
def test_any_text_parses_or_is_refused(text: str) -> None:
    try:
        reference = parse(text)
    except InvalidReference:
        return
    assert parse(str(reference)) == reference
    assert parse(reference.familiar) == reference


# As github.com/distribution/reference writes it down.
_PART = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_PART}(?:\.{_PART})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_GRAMMAR = re.compile(rf"{_DOMAIN}(?:/{_COMPONENT})+(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?", re.ASCII)


@given(st.sampled_from(("localhost", "a.B", "[::1]", "a:0", "")), st.text("aB0-_./:[]", max_size=9))
def test_the_grammar(domain: str, rest: str) -> None:
    text = f"{domain}/{rest}"
    try:
        parse(text)
    except InvalidReference:
        assert not _GRAMMAR.fullmatch(text)
    else:
        assert _GRAMMAR.fullmatch(text)


def test_default_tag_is_added_only_where_nothing_says_which() -> None:
    assert str(parse("ubuntu").with_default_tag()) == "docker.io/library/ubuntu:latest"
    assert parse("ubuntu:1").with_default_tag() == parse("ubuntu:1")
    assert parse(f"ubuntu@{DIGEST}").with_default_tag().tag is None


def test_with_digest_drops_the_tag() -> None:
    assert parse("ubuntu:1").with_digest(Digest(DIGEST)).familiar == f"ubuntu@{DIGEST}"


def test_with_tag_checks_the_tag() -> None:
    with pytest.raises(InvalidReference):
        parse("ubuntu").with_tag("no/slash")
