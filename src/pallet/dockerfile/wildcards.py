"""File name patterns as Go's filepath.Match has them, and `**` as docker adds it.

`*` is any text without a slash, `?` any character but a slash, `[a-z]` and `[^a-z]` one of several, a backslash takes
the next character as it is; `**` is any number of directories.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pallet.errors import InvalidInput

_STAR = "[^/]*"
_DIRECTORIES = "(?:.*/)?"
_ALL = ".*"
_BOUNDARY = r"(?:/|\Z)"


def wildcard_matcher(pattern: str) -> Callable[[str], bool]:
    """What tells whether a cleaned pattern matches a path, or a directory that the path is in.

    Raises:
        InvalidInput: an unfinished range or escape, with Go's text.
    """
    suffix = re.fullmatch(r"\*\*([^*?\[\]\\/][^*?\[\]\\]*)", pattern)
    if suffix is not None:
        # `**x` alone matches every path that ends so, slash or not; with other wildcards `**` stops at a slash.
        match = re.compile(_ALL + re.escape(suffix[1]) + _BOUNDARY, re.DOTALL).match
        return lambda path: match(path) is not None
    tokens = _tokens(pattern)
    expression = _expression(tokens)
    if expression is None:
        return lambda path: _walk(tokens, path)
    match = re.compile(expression + _BOUNDARY, re.DOTALL).match
    return lambda path: match(path) is not None


def component_matches(component: str, name: str) -> bool:
    """Whether one component of a pattern, without `**`, matches one component of a path."""
    return wildcard_matcher(component)(name)


def _tokens(pattern: str) -> list[str]:
    """Regular expressions: one for each single character, or one of the three of variable length."""
    out: list[str] = []
    position = 0
    while position < len(pattern):
        char = pattern[position]
        if pattern.startswith("**", position):
            position += 2 + pattern.startswith("/", position + 2)
            if position >= len(pattern):
                out.append(_ALL)
            elif not out or out[-1] != _DIRECTORIES:
                out.append(_DIRECTORIES)
            continue
        position += 1
        if char == "*":
            if not out or out[-1] != _STAR:
                out.append(_STAR)
        elif char == "?":
            out.append("[^/]")
        elif char == "[":
            piece, position = _range(pattern, position)
            out.append(piece)
        elif char == "\\":
            escaped, position = _escaped(pattern, position)
            out.append(re.escape(escaped))
        else:
            out.append(re.escape(char))
    return out


def _expression(tokens: list[str]) -> str | None:
    """One expression that does not try the same thing over and over, or None where that cannot be promised.

    What lies between two stars of a component may be taken where it comes first, for the second star takes the rest: an
    atomic group. So may what lies between two `**`, if it ends with a slash.
    """
    segments: list[list[str]] = [[]]
    for token in tokens:
        if token == _DIRECTORIES:
            segments.append([])
        else:
            segments[-1].append(token)
    out = _segment(segments[0])
    for index, segment in enumerate(segments[1:], 1):
        if index == len(segments) - 1:
            out += _DIRECTORIES + _segment(segment)
        elif segment and segment[-1] == "/":
            out += f"(?>(?:.*?/)??{_segment(segment)})"
        else:
            return None
    return out


def _segment(tokens: list[str]) -> str:
    out = ""
    open_star = -1
    for index, token in enumerate(tokens):
        if token == "/":
            open_star = -1
        elif token == _STAR:
            if open_star >= 0:
                out = f"{out[:open_star]}(?>{_STAR}?{out[open_star + len(_STAR) :]})"
            open_star = len(out)
        out += tokens[index]
    return out


def _walk(tokens: list[str], path: str) -> bool:
    """The same as the expression, by the set of places where each token can end."""
    places = {0}
    for token in tokens:
        if token == _ALL:
            return bool(places)
        if token == _DIRECTORIES:
            first = min(places)
            places |= {index + 1 for index in range(first, len(path)) if path[index] == "/"}
        elif token == _STAR:
            reached: set[int] = set()
            for place in places:
                while place not in reached:
                    reached.add(place)
                    if place >= len(path) or path[place] == "/":
                        break
                    place += 1
            places = reached
        else:
            matches = re.compile(token, re.DOTALL).match
            places = {place + 1 for place in places if matches(path, place)}
        if not places:
            return False
    return any(place == len(path) or path[place] == "/" for place in places)


def _range(pattern: str, position: int) -> tuple[str, int]:
    """What follows a `[`, as a class, and where it ends."""
    negated = pattern.startswith("^", position)
    position += negated
    bounds: list[tuple[str, str]] = []
    while not bounds or not pattern.startswith("]", position):
        low, position = _bound(pattern, position)
        high = low
        if pattern.startswith("-", position):
            high, position = _bound(pattern, position + 1)
        bounds.append((low, high))
    members = "".join(f"{re.escape(low)}-{re.escape(high)}" for low, high in bounds if low <= high)
    if not members:
        return ("." if negated else "(?!)"), position + 1
    return f"[{'^' if negated else ''}{members}]", position + 1


def _bound(pattern: str, position: int) -> tuple[str, int]:
    char = pattern[position : position + 1]
    if char in ("", "-", "]"):
        raise InvalidInput("syntax error in pattern")
    if char == "\\":
        return _escaped(pattern, position + 1)
    return char, position + 1


def _escaped(pattern: str, position: int) -> tuple[str, int]:
    if position >= len(pattern):
        raise InvalidInput("syntax error in pattern")
    return pattern[position], position + 1
