"""File name patterns as Go's filepath.Match has them, and `**` as docker adds it.

`*` is any text without a slash, `?` any character but a slash, `[a-z]` and `[^a-z]` one of several, a backslash takes
the next character as it is; `**` is any number of directories.
"""

from __future__ import annotations

import re

from pallet.errors import InvalidInput


def wildcard_regex(pattern: str) -> str:
    """The regular expression, not anchored, of a cleaned pattern.

    Raises:
        InvalidInput: an unfinished range or escape, with Go's text.
    """
    stars = re.fullmatch(r"\*\*([^*?\[\]\\]*)", pattern)
    if stars is not None and not stars[1].startswith("/"):
        # `**x` alone matches every path that ends so, slash or not; with other wildcards `**` stops at a slash.
        return ".*" + re.escape(stars[1])
    out = ""
    position = 0
    while position < len(pattern):
        char = pattern[position]
        if pattern.startswith("**", position):
            position += 2 + pattern.startswith("/", position + 2)
            if position >= len(pattern):
                out += ".*"
            elif not out.endswith(_DIRECTORIES):
                out += _DIRECTORIES
            continue
        position += 1
        if char == "*":
            out += "[^/]*"
        elif char == "?":
            out += "[^/]"
        elif char == "[":
            piece, position = _range(pattern, position)
            out += piece
        elif char == "\\":
            escaped, position = _escaped(pattern, position)
            out += re.escape(escaped)
        else:
            out += re.escape(char)
    return out


_DIRECTORIES = "(?:.*/)?"


def component_matches(component: str, name: str) -> bool:
    """Whether one component of a pattern, without `**`, matches one component of a path."""
    return re.fullmatch(wildcard_regex(component), name, re.DOTALL) is not None


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
