"""Variables, quotes and backslashes in a Dockerfile's words.

Source: Dockerfile reference, "Environment replacement": `$a`, `${a}`, `${a:-word}`, `${a:+word}`, `${a:?message}`, the
same without the colon, and `#`, `##`, `%`, `%%`, `/`, `//` with patterns. Checked against docker 20.10 and BuildKit.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pallet.dockerfile.pattern import substituted, without_prefix, without_suffix
from pallet.dockerfile.source import SPACE, quoted
from pallet.errors import InvalidInput

_SPECIAL_NAMES = frozenset("@*#?-$!0")
_DEEPEST = 50
_UNFINISHED = "syntax error: missing '}'"
_BAD = "syntax error: bad substitution"


class Expansion(msgspec.Struct, frozen=True):
    """An expanded text.

    Attributes:
        text: the whole of it.
        words: the text split at white space outside quotes; what variables hold is split, too.
        used: the names of variables that were found.
        undefined: the names of variables that were not.
    """

    text: str
    words: tuple[str, ...]
    used: frozenset[str]
    undefined: frozenset[str]


def expand(text: str, variables: Mapping[str, str], escape: str = "\\") -> str:
    """Take quotes and escapes away and put variables' values in.

    Raises:
        InvalidInput: an unfinished quote or `${`, an unknown modifier, or what `${name:?message}` says.
    """
    return expansion(text, variables, escape=escape).text


def expansion(
    text: str,
    variables: Mapping[str, str],
    *,
    escape: str = "\\",
    quotes: bool = True,
    keep_quotes: bool = False,
    keep_escapes: bool = False,
    keep_unset: bool = False,
) -> Expansion:
    """As `expand`, with the words and the names it met.

    Args:
        escape: the Dockerfile's escape character.
        quotes: whether quotes are quotes; in a heredoc's text they are not.
        keep_quotes: leave quotes in the text.
        keep_escapes: leave escape characters in the text.
        keep_unset: leave references to undefined variables as they are.

    Raises:
        InvalidInput: as `expand`.
    """
    expander = _Expander(text, variables, escape, quotes, keep_quotes, keep_unset)
    try:
        out, words = expander.run("", keep_escapes)
    except InvalidInput as error:
        raise InvalidInput(f"failed to process {quoted(text)}: {error.message}") from None
    return Expansion(out, tuple(words), frozenset(expander.used), frozenset(expander.undefined))


class _Words:
    """Collects words while text comes in."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self._word = ""

    def split(self, text: str) -> None:
        for char in text:
            if char in SPACE:
                self.end()
            else:
                self._word += char

    def join(self, text: str) -> None:
        self._word += text

    def end(self) -> None:
        if self._word:
            self.done.append(self._word)
        self._word = ""


class _Expander:
    def __init__(
        self,
        text: str,
        variables: Mapping[str, str],
        escape: str,
        quotes: bool,
        keep_quotes: bool,
        keep_unset: bool,
    ) -> None:
        self._text = text
        self._variables = variables
        self._escape = escape
        self._quotes = "'\"" if quotes else ""
        self._keep_quotes = keep_quotes
        self._keep_unset = keep_unset
        self._raw = False
        self._position = 0
        self._depth = 0
        self.used: set[str] = set()
        self.undefined: set[str] = set()

    def run(self, stop: str, raw: bool) -> tuple[str, list[str]]:
        """Expand up to and over the character `stop` or, for an empty one, to the end; `raw` keeps escapes."""
        before, self._raw = self._raw, raw
        out: list[str] = []
        words = _Words()
        while True:
            char = self._take()
            if not char and stop:
                raise InvalidInput(f"unexpected end of statement while looking for matching {stop}")
            if char == stop:
                self._raw = before
                words.end()
                return "".join(out), words.done
            if char == "$":
                piece = self._variable()
                words.split(piece)
            elif char in self._quotes:
                piece = self._single() if char == "'" else self._double()
                words.join(piece)
            elif char == self._escape:
                piece = (char if raw else "") + self._take()
                words.join(piece)
            elif char == "<":
                piece = char + self._heredoc()
                words.join(piece)
            else:
                piece = char
                words.split(char)
            out.append(piece)

    def _peek(self) -> str:
        return self._text[self._position : self._position + 1]

    def _take(self) -> str:
        char = self._text[self._position : self._position + 1]
        self._position += 1
        return char

    def _at_end(self) -> bool:
        return self._position >= len(self._text)

    def _heredoc(self) -> str:
        """The white space between `<<` and a heredoc's name does not split the word."""
        if self._peek() != "<":
            return ""
        start = self._position
        self._position += 1
        while self._peek() and self._peek() in "\t\r ":
            self._position += 1
        return self._text[start : self._position]

    def _single(self) -> str:
        end = self._text.find("'", self._position)
        if end < 0:
            self._position = len(self._text)
            raise InvalidInput("unexpected end of statement while looking for matching single-quote")
        out = self._text[self._position : end]
        self._position = end + 1
        return f"'{out}'" if self._keep_quotes else out

    def _double(self) -> str:
        out = ""
        while char := self._take():
            if char == '"':
                return f'"{out}"' if self._keep_quotes else out
            if char == "$":
                out += self._variable()
            elif char == self._escape:
                following = self._peek()
                taken = following != "" and following in ('"', "$", self._escape)
                out += (char if self._raw or (following and not taken) else "") + (self._take() if taken else "")
            else:
                out += char
        raise InvalidInput("unexpected end of statement while looking for matching double-quote")

    def _variable(self) -> str:
        if self._peek() != "{":
            name = self._name()
            value = self._value(name) if name else "$"
            return f"${name}" if value is None and self._keep_unset else value or ""
        self._position += 1
        if self._at_end():
            raise InvalidInput(_UNFINISHED)
        if self._peek() in "{}:" or self._depth >= _DEEPEST:
            raise InvalidInput(_BAD)
        self._depth += 1
        try:
            return self._braced(self._name())
        finally:
            self._depth -= 1

    def _braced(self, name: str) -> str:
        char = self._take()
        if char == "}":
            value = self._value(name)
            return f"${{{name}}}" if value is None and self._keep_unset else value or ""
        if char == "/":
            return self._substitution(name)
        colon = char == ":"
        modifier = self._take() if colon else char
        sign = char + modifier if colon else char
        if not modifier:
            raise InvalidInput(_UNFINISHED)
        if modifier not in ("-+?" if colon else "-+?#%"):
            raise InvalidInput(f"unsupported modifier ({sign}) in substitution")
        word = self._word("}", modifier in "#%", _UNFINISHED)
        value = self._value(name)
        if value is None and self._keep_unset:
            return f"${{{name}{sign}{word}}}"
        if modifier in "#%":
            longest = word.startswith(modifier)
            trim = without_prefix if modifier == "#" else without_suffix
            return trim(value or "", word[1:] if longest else word, longest=longest)
        present = value is not None and not (colon and value == "")
        if modifier == "+":
            return word if present else ""
        if value is not None and present:
            return value
        if modifier == "-":
            return word
        raise InvalidInput(f"{name}: {word or ('is not allowed to be ' + ('unset' if value is None else 'empty'))}")

    def _substitution(self, name: str) -> str:
        everywhere = self._peek() == "/"
        if everywhere:
            self._position += 1
        pattern = self._word("/", True, "syntax error: missing '/' in ${}")
        replacement = self._word("}", True, _UNFINISHED)
        value = self._value(name)
        if value is None and self._keep_unset:
            return f"${{{name}{'//' if everywhere else '/'}{pattern}/{replacement}}}"
        return substituted(value or "", pattern, replacement, everywhere=everywhere)

    def _word(self, stop: str, raw: bool, unfinished: str) -> str:
        before = self._raw
        try:
            return self.run(stop, raw)[0]
        except InvalidInput:
            if self._at_end():
                raise InvalidInput(unfinished) from None
            raise
        finally:
            self._raw = before

    def _value(self, name: str) -> str | None:
        value = self._variables.get(name)
        (self.undefined if value is None else self.used).add(name)
        return value

    def _name(self) -> str:
        """A name of letters, digits and underscores; a number; or one of the shell's special parameters."""
        start = self._position
        first = self._peek()
        if first.isdecimal():
            while self._peek().isdecimal():
                self._position += 1
        elif first and first in _SPECIAL_NAMES:
            self._position += 1
        else:
            while (char := self._peek()) and (char.isalpha() or char.isdecimal() or char == "_"):
                self._position += 1
        return self._text[start : self._position]
