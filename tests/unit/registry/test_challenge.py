"""Challenges: RFC 9110's examples, what registries send, and what no server should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pallet.registry.challenge import parse_challenges

HUB = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/x:pull,push"'


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], []),
        ([""], []),
        (["Basic"], [("basic", {})]),
        (['Basic realm="Registry Realm"'], [("basic", {"realm": "Registry Realm"})]),
        (
            [HUB],
            [
                (
                    "bearer",
                    {
                        "realm": "https://auth.docker.io/token",
                        "service": "registry.docker.io",
                        "scope": "repository:library/x:pull,push",
                    },
                )
            ],
        ),
        (
            ['Newauth realm="apps", type=1, title="Login to \\"apps\\"", Basic realm="simple"'],
            [("newauth", {"realm": "apps", "type": "1", "title": 'Login to "apps"'}), ("basic", {"realm": "simple"})],
        ),
        (["Basic realm=a", "Bearer realm=b"], [("basic", {"realm": "a"}), ("bearer", {"realm": "b"})]),
        (["Negotiate YWJj==, Basic realm=x"], [("negotiate", {}), ("basic", {"realm": "x"})]),
        (["Negotiate, Basic realm=x"], [("negotiate", {}), ("basic", {"realm": "x"})]),
        (['Negotiate,Digest qop = "auth"'], [("negotiate", {}), ("digest", {"qop": "auth"})]),
        (
            ["Bearer realm=https://host/token,service=host"],
            [("bearer", {"realm": "https://host/token", "service": "host"})],
        ),
        ([', ,Basic realm="x", ,charset="UTF-8",'], [("basic", {"realm": "x", "charset": "UTF-8"})]),
        (['BEARER REALM="x"'], [("bearer", {"realm": "x"})]),
        (['Basic realm="unclosed'], [("basic", {})]),
        (['Basic realm="first", realm="second"'], [("basic", {"realm": "first"})]),
        (['"quoted" Basic realm=x'], []),
        (['Bearer realm="a,b=c, Basic realm=d"'], [("bearer", {"realm": "a,b=c, Basic realm=d"})]),
        (['Bearer error="insufficient_scope"'], [("bearer", {"error": "insufficient_scope"})]),
    ],
)
def test_headers(values: list[str], expected: list[tuple[str, dict[str, str]]]) -> None:
    assert [(found.scheme, found.parameters) for found in parse_challenges(values)] == expected


_names = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
_texts = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20)


@given(st.lists(st.tuples(_names, st.dictionaries(_names, _texts, min_size=1, max_size=4)), max_size=4))
def test_what_is_written_is_read(challenges: list[tuple[str, dict[str, str]]]) -> None:
    def quote(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    header = ", ".join(
        f"{scheme} " + ", ".join(f"{name}={quote(value)}" for name, value in parameters.items())
        for scheme, parameters in challenges
    )
    assert [(found.scheme, found.parameters) for found in parse_challenges([header])] == challenges


@given(st.text(max_size=60))
def test_no_header_is_too_odd(header: str) -> None:
    for found in parse_challenges([header]):
        assert found.scheme == found.scheme.lower()
