"""WWW-Authenticate headers. Source: RFC 9110, section 11.6.1; docker's token spec for the bearer parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|\Z))")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_BARE = re.compile(r"[^\s,\"]+")  # more than a token: some servers leave the quotes out where a URL needs them
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_BLANK = re.compile(r"[\s,]*")
_EQUALS = re.compile(r"\s*=\s*")
_SPACE = re.compile(r"[ \t]+")


class Challenge(msgspec.Struct, frozen=True):
    """One way to authenticate.

    Attributes:
        scheme: in lower case: `basic`, `bearer`.
        parameters: by lower-case name.
    """

    scheme: str
    parameters: dict[str, str] = {}


def parse_challenges(values: Iterable[str]) -> tuple[Challenge, ...]:
    """The challenges in the values of one answer's WWW-Authenticate headers, in order.

    What does not follow the grammar is left out, as far as the end of its header.
    """
    return tuple(challenge for value in values for challenge in _parse(value))


def _parse(value: str) -> list[Challenge]:
    found: list[Challenge] = []
    position = _skip(_BLANK, value, 0)
    while position < len(value):
        token = _TOKEN.match(value, position)
        if token is None:
            break
        position = token.end()
        equals = _EQUALS.match(value, position)
        if equals and found:
            # A name and `=`: another parameter of the challenge before.
            text, position = _value(value, equals.end())
            if position < 0:
                break
            found[-1].parameters.setdefault(token[0].lower(), text)
        else:
            found.append(Challenge(token[0].lower(), {}))
            space = _SPACE.match(value, position)
            position = space.end() if space else position
            credentials = _TOKEN68.match(value, position) if space else None
            if credentials:  # a token68, which no scheme of docker's uses
                position = credentials.end()
        position = _skip(_BLANK, value, position)
    return found


def _value(text: str, position: int) -> tuple[str, int]:
    quoted = _QUOTED.match(text, position)
    if quoted:
        return _ESCAPE.sub(r"\1", quoted[1]), quoted.end()
    bare = _BARE.match(text, position)
    return (bare[0], bare.end()) if bare else ("", -1)


def _skip(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match else position
