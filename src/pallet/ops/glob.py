"""Shell patterns as Go's path.Match reads them, which docker uses for image names."""

from __future__ import annotations

import re

from pallet.errors import InvalidInput


def path_match(pattern: str, name: str) -> bool:
    """Whether the whole `name` matches: `*` and `?` stop at `/`, `[...]` is a class, `\\` quotes.

    Raises:
        InvalidInput: a malformed pattern, with Go's text.
    """
    try:
        return re.fullmatch(_translate(pattern), name, re.DOTALL) is not None
    except (re.error, IndexError) as error:
        raise InvalidInput("syntax error in pattern") from error


def _translate(pattern: str) -> str:
    out: list[str] = []
    position = 0
    while position < len(pattern):
        char = pattern[position]
        position += 1
        if char == "*":
            out.append("[^/]*")
        elif char == "?":
            out.append("[^/]")
        elif char == "\\":
            out.append(re.escape(pattern[position]))
            position += 1
        elif char == "[":
            text, position = _class(pattern, position)
            out.append(text)
        else:
            out.append(re.escape(char))
    return "".join(out)


def _class(pattern: str, position: int) -> tuple[str, int]:
    """Translate a class; `position` is behind its `[`. Returns the text and the position behind its `]`."""
    out = ["["]
    if pattern[position] == "^":
        out.append("^")
        position += 1
    start = position
    while pattern[position] != "]" or position == start:
        char = pattern[position]
        if char == "\\":
            position += 1
            out.append(re.escape(pattern[position]))
        else:
            out.append("-" if char == "-" else re.escape(char))
        position += 1
    return "".join(out) + "]", position + 1
