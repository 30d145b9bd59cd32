"""Variables, quotes and backslashes in a Dockerfile's words.

Source: Dockerfile reference, "Environment replacement": `$a`, `${a}`, `${a:-word}`, `${a:+word}`, and the forms without
the colon and with `?`.
"""

from __future__ import annotations

from collections.abc import Mapping

from pallet.errors import InvalidInput

_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Take quotes and backslashes away and put variables' values in.

    Raises:
        InvalidInput: an unfinished quote or `${`, an unknown modifier, or what `${name:?message}` says.
    """
    return _Expander(text, variables).run("")


class _Expander:
    def __init__(self, text: str, variables: Mapping[str, str]) -> None:
        self._text = text
        self._variables = variables
        self._position = 0

    def run(self, stop: str) -> str:
        """Expand up to the character `stop` (left unread) or, for an empty one, to the end."""
        out = ""
        while self._position < len(self._text):
            char = self._text[self._position]
            if stop and char == stop:
                return out
            self._position += 1
            if char == "'":
                out += self._single()
            elif char == '"':
                out += self._double()
            elif char == "\\":
                out += self._take()
            elif char == "$":
                out += self._variable()
            else:
                out += char
        if stop:
            raise InvalidInput("syntax error: missing '}'")
        return out

    def _take(self) -> str:
        char = self._text[self._position : self._position + 1]
        self._position += 1
        return char

    def _single(self) -> str:
        end = self._text.find("'", self._position)
        if end < 0:
            raise InvalidInput("unexpected end of statement while looking for matching single-quote")
        out = self._text[self._position : end]
        self._position = end + 1
        return out

    def _double(self) -> str:
        out = ""
        while self._position < len(self._text):
            char = self._take()
            if char == '"':
                return out
            if char == "$":
                out += self._variable()
            elif char == "\\":
                following = self._take()
                out += following if following in ('"', "$", "\\") else "\\" + following
            else:
                out += char
        raise InvalidInput("unexpected end of statement while looking for matching double-quote")

    def _variable(self) -> str:
        if self._text[self._position : self._position + 1] != "{":
            name = self._name()
            return self._variables.get(name, "") if name else "$"
        self._position += 1
        name = self._name()
        char = self._take()
        if char == "}":
            if not name:
                raise InvalidInput("syntax error: bad substitution")
            return self._variables.get(name, "")
        colon = char == ":"
        modifier = self._take() if colon else char
        word = self.run("}")
        self._position += 1
        value = self._variables.get(name)
        present = value is not None and (not colon or value != "")
        if modifier == "-":
            return value if present and value is not None else word
        if modifier == "+":
            return word if present else ""
        if modifier == "?":
            if present and value is not None:
                return value
            raise InvalidInput(f"{name}: {word or 'not allowed to be empty' if colon else word or 'not set'}")
        raise InvalidInput(f"unsupported modifier ({char}{modifier if colon else ''}) in substitution")

    def _name(self) -> str:
        start = self._position
        while self._position < len(self._text) and self._text[self._position] in _NAME:
            self._position += 1
            if self._position - start == 1 and self._text[start].isdigit():
                break
        return self._text[start : self._position]
