"""The patterns of `${name#pattern}`, `${name%pattern}` and `${name/pattern/text}`.

`*` is any text, `?` any character, a backslash takes `*`, `?`, `\\`, `/` and `}` as they are; there are no brackets.
Source: Dockerfile reference, "Environment replacement".
"""

from __future__ import annotations

import re

from pallet.errors import InvalidInput

_ANY_TEXT = "*"
_ANY_CHARACTER = "?"


class Pattern:
    """A pattern, cut at its stars into pieces of fixed length.

    The pieces are looked for one after the other, which is linear: no regular expression with several stars is run.

    Args:
        text: the pattern.
        backwards: match from the end of the value; the values given must then be reversed, too.

    Raises:
        InvalidInput: a backslash before a character that needs none.
    """

    def __init__(self, text: str, *, backwards: bool = False) -> None:
        tokens = _tokens(text)
        if backwards:
            tokens.reverse()
        pieces = [""]
        lengths = [0]
        for special, char in tokens:
            if special and char == _ANY_TEXT:
                pieces.append("")
                lengths.append(0)
            else:
                pieces[-1] += "." if special else re.escape(char)
                lengths[-1] += 1
        self._pieces = [re.compile(piece, re.DOTALL) for piece in pieces]
        self._last_length = lengths[-1]

    def prefix(self, value: str, *, longest: bool) -> int:
        """The length of the shortest or longest beginning of `value` that matches, or -1."""
        found = self._pieces[0].match(value)
        return -1 if found is None else self._rest(value, found.end(), longest=longest)

    def find(self, value: str, start: int) -> tuple[int, int] | None:
        """Begin and end of the first match from `start` on, and of these the longest."""
        found = self._pieces[0].search(value, start)
        if found is None:
            return None
        # Where the rest does not follow the first place of the first piece, it follows no later one either.
        end = self._rest(value, found.end(), longest=True)
        return None if end < 0 else (found.start(), end)

    def _rest(self, value: str, end: int, *, longest: bool) -> int:
        if len(self._pieces) == 1:
            return end
        for piece in self._pieces[1:-1]:
            found = piece.search(value, end)
            if found is None:
                return -1
            end = found.end()
        last = self._pieces[-1]
        if not longest:
            found = last.search(value, end)
            return -1 if found is None else found.end()
        for position in range(len(value) - self._last_length, end - 1, -1):
            if last.match(value, position):
                return position + self._last_length
        return -1


def without_prefix(value: str, pattern: str, *, longest: bool) -> str:
    """`${name#pattern}`, and `##` for the longest."""
    length = Pattern(pattern).prefix(value, longest=longest)
    return value[max(length, 0) :]


def without_suffix(value: str, pattern: str, *, longest: bool) -> str:
    """`${name%pattern}`, and `%%` for the longest."""
    length = Pattern(pattern, backwards=True).prefix(value[::-1], longest=longest)
    return value[: len(value) - max(length, 0)]


def substituted(value: str, pattern: str, replacement: str, *, everywhere: bool) -> str:
    """`${name/pattern/replacement}`, and `//` for all matches."""
    compiled = Pattern(pattern)
    out = ""
    position = 0
    previous_end = -1
    while position <= len(value):
        found = compiled.find(value, position)
        if found is None:
            break
        begin, end = found
        out += value[position:begin]
        if begin < end or begin != previous_end:
            # An empty match right behind another one is part of it.
            out += replacement
        previous_end = end
        if begin == end:
            out += value[end : end + 1]
            end += 1
        position = end
        if not everywhere:
            break
    return out + value[position:]


def _tokens(text: str) -> list[tuple[bool, str]]:
    """Characters, each with whether it is special."""
    tokens: list[tuple[bool, str]] = []
    position = 0
    while position < len(text):
        char = text[position]
        position += 1
        if char != "\\":
            tokens.append((char in (_ANY_TEXT, _ANY_CHARACTER), char))
            continue
        following = text[position : position + 1]
        if not following or following not in "*?\\/}":
            raise InvalidInput(f"invalid pattern ({text}) in substitution: invalid escape '\\{following}'")
        tokens.append((False, following))
        position += 1
    return tokens
