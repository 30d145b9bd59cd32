"""Go's regular expressions: checked as Go checks them, and written as Python's.

Source: the documentation of Go 1.19's regexp/syntax; its texts are its own.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable
from string import hexdigits

from pallet.errors import InvalidInput

_MOST = 1000  # repetitions
_SIMPLE = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_PERL = {"d": r"\d", "D": r"\D", "s": r"\t\n\f\r ", "S": r"\S\v", "w": r"\w", "W": r"\W"}
_CATEGORIES = re.compile("Any|C[cfos]?|L[lmotu]?|M[cen]?|N[dlo]?|P[cdefios]?|S[ckmo]?|Z[lps]?")
_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}


def compile_go(text: str) -> re.Pattern[str]:
    """A Go regular expression as one of Python's, for `search`.

    Raises:
        InvalidInput: it is none, with Go's text. Scripts (`\\p{Greek}`) are not known here.
    """
    return re.compile(_Parser(text).parse(), re.ASCII)


def _error(what: str, where: str) -> InvalidInput:
    return InvalidInput(f"error parsing regexp: {what}: `{where}`")


class _Parser:
    """One pass over the text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._out: list[str] = []
        self._flags: frozenset[str] = frozenset()
        self._groups: list[frozenset[str]] = []  # the flags outside of each open one
        self._can_repeat = False  # whether the last piece can be repeated
        self._repetition = -1  # where the one that has just been read begins; -1 if it was something else

    def parse(self) -> str:
        """The whole text as Python has it."""
        while self._at < len(self._text):
            begin = self._at
            self._repetition = begin if self._piece() else -1
        if self._groups:
            raise _error("missing closing )", self._text)
        return "".join(self._out)

    def _piece(self) -> bool:
        """Read one piece; tells whether it was a repetition."""
        begin, char = self._at, self._text[self._at]
        if char == "{" and (bounds := self._bounds()):
            self._repeat(begin, bounds)
            return True
        if char == "[":
            self._put(self._bracketed())
            return False
        if char == "\\":
            self._backslash()
            return False
        self._at += 1
        if char in "*+?":
            self._repeat(begin, char)
            return True
        if char == "(":
            self._open()
        elif char == ")":
            if not self._groups:
                raise _error("unexpected )", self._text)
            self._flags = self._groups.pop()
            self._out.append(")")
            self._can_repeat = True
        elif char == "|":
            self._out.append("|")
            self._can_repeat = False
        elif char in "^$":
            self._put(f"(?m:{char})" if "m" in self._flags else {"^": r"(?:\A)", "$": r"(?:\Z)"}[char])
        else:
            self._put(("(?s:.)" if "s" in self._flags else ".") if char == "." else re.escape(char))
        return False

    def _put(self, piece: str) -> None:
        self._out.append(f"(?i:{piece})" if "i" in self._flags else piece)
        self._can_repeat = True

    def _repeat(self, begin: int, operator: str) -> None:
        lazy = self._text.startswith("?", self._at)
        self._at += lazy
        if self._repetition >= 0:
            raise _error("invalid nested repetition operator", self._text[self._repetition : self._at])
        if not self._can_repeat:
            raise _error("missing argument to repetition operator", self._text[begin : self._at])
        self._out.append(f"{operator}?" if lazy != ("U" in self._flags) else operator)

    def _bounds(self) -> str:
        """The repetition `{2,3}` that is here; empty if it is none, but a brace."""
        end = self._text.find("}", self._at)
        least, _, most = self._text[self._at + 1 : max(end, self._at)].partition(",")
        if not _is_number(least) or (most and not _is_number(most)):
            return ""
        operator = self._text[self._at : end + 1]
        self._at = end + 1
        if int(least) > _MOST or (most and (int(most) > _MOST or int(most) < int(least))):
            raise _error("invalid repeat count", operator)
        return operator

    def _open(self) -> None:
        """Read what follows an opening parenthesis."""
        begin = self._at - 1
        self._can_repeat = False
        if not self._text.startswith("?", self._at):
            self._groups.append(self._flags)
            self._out.append("(")
        elif self._text.startswith("?P<", self._at):
            self._open_named(begin)
        else:
            self._open_with_flags(begin)

    def _open_named(self, begin: int) -> None:
        end = self._text.find(">", begin)
        if end < 0:
            raise _error("invalid named capture", self._text[begin:])
        name = self._text[begin + 4 : end]
        if not (name.isascii() and name.replace("_", "a").isalnum()):
            raise _error("invalid named capture", self._text[begin : end + 1])
        self._at = end + 1
        self._groups.append(self._flags)
        self._out.append("(")

    def _open_with_flags(self, begin: int) -> None:
        """Read `?i-s:` for a group, or `?i-s)` for the rest of this one."""
        flags, negative, seen = set(self._flags), False, False
        at = begin + 2
        while at < len(self._text):
            char = self._text[at]
            at += 1
            if char in "imsU":
                seen = True
                (flags.discard if negative else flags.add)(char)
            elif char == "-" and not negative:
                negative, seen = True, False
            elif char in ":)" and (seen or not negative):
                self._at = at
                if char == ":":
                    self._groups.append(self._flags)
                    self._out.append("(?:")
                self._flags = frozenset(flags)
                return
            else:
                break
        raise _error("invalid or unsupported Perl syntax", self._text[begin:at])

    def _backslash(self) -> None:
        """Read what a backslash outside of brackets begins."""
        mark = self._text[self._at + 1 : self._at + 2]
        if mark == "Q":
            literal, _, _ = self._text[self._at + 2 :].partition("\\E")
            self._at = min(self._at + 4 + len(literal), len(self._text))
            for char in literal:
                self._put(re.escape(char))
        elif mark and mark in "AbBz":
            self._at += 2
            self._put(r"(?:\Z)" if mark == "z" else f"(?:\\{mark})")
        else:
            found = self._class()
            self._put(f"[{found}]" if found else re.escape(self._character()))

    def _bracketed(self) -> str:
        """Read a class in brackets."""
        begin = self._at
        self._at += 1
        negative = self._text.startswith("^", self._at)
        self._at += negative
        pieces: list[str] = []
        first = self._at
        while self._at == first or not self._text.startswith("]", self._at):
            pieces.append(self._posix() or self._class() or self._span(begin))
        self._at += 1
        return f"[{'^' * negative}{''.join(pieces)}]"

    def _span(self, begin: int) -> str:
        """A character in brackets, or two with a dash between them."""
        start = self._at
        low = high = self._member(begin)
        if self._text.startswith("-", self._at) and self._text[self._at + 1 : self._at + 2] not in ("", "]"):
            self._at += 1
            high = self._member(begin)
            if high < low:
                raise _error("invalid character class range", self._text[start : self._at])
        return f"{_member(low)}-{_member(high)}"

    def _member(self, begin: int) -> str:
        if self._at >= len(self._text):
            raise _error("missing closing ]", self._text[begin:])
        if self._text[self._at] == "\\":
            return self._character()
        self._at += 1
        return self._text[self._at - 1]

    def _posix(self) -> str:
        """The members of `[:alpha:]`; empty if there is none here."""
        end = self._text.find(":]", self._at + 2)
        if not self._text.startswith("[:", self._at) or end < 0:
            return ""
        name = self._text[self._at + 2 : end]
        members = _POSIX.get(name.removeprefix("^"))
        if members is None:
            raise _error("invalid character class range", self._text[self._at : end + 2])
        self._at = end + 2
        return _all_but(members) if name.startswith("^") else members

    def _class(self) -> str:
        """The members of `\\d` or `\\pL`; empty if there is none here."""
        mark = self._text[self._at + 1 : self._at + 2]
        if not self._text.startswith("\\", self._at) or not mark:
            return ""
        if mark in _PERL:
            self._at += 2
            return _PERL[mark]
        if mark not in "pP":
            return ""
        begin, end = self._at, self._at + 3
        if self._text.startswith("{", self._at + 2):
            end = self._text.find("}", self._at) + 1
            if not end:
                raise _error("invalid character class range", self._text[begin:])
        self._at = end
        name = self._text[begin + 2 : end].strip("{}")
        if not _CATEGORIES.fullmatch(name.removeprefix("^")):
            raise _error("invalid character class range", self._text[begin:end])
        return _category(name.removeprefix("^"), negative=(mark == "P") != name.startswith("^"))

    def _character(self) -> str:
        """The character that an escape stands for."""
        begin = self._at
        char = self._text[begin + 1 : begin + 2]
        self._at += 1 + len(char)
        if not char:
            raise _error("trailing backslash at end of expression", "")
        rest = self._text[self._at :]
        if char == "0" or (char in "1234567" and rest[:1] and rest[:1] in "01234567"):
            digits = char
            while len(digits) < 3 and self._text[self._at : self._at + 1] in tuple("01234567"):
                digits += self._text[self._at]
                self._at += 1
            return chr(int(digits, 8))
        if char == "x":
            code = self._braced() if rest.startswith("{") else self._hex(rest[:2])
            if code >= 0:
                return chr(code)
        elif char in _SIMPLE:
            return _SIMPLE[char]
        elif char.isascii() and not char.isalnum():
            return char
        raise _error("invalid escape sequence", self._text[begin : self._at])

    def _hex(self, digits: str) -> int:
        """The number of two hexadecimal digits; -1 if they are none."""
        self._at += len(digits)
        return int(digits, 16) if len(digits) == 2 and all(each in hexdigits for each in digits) else -1

    def _braced(self) -> int:
        """The number in `{1F600}`; -1 if there is none, read up to where that shows."""
        code, begin = -1, self._at + 1
        self._at = begin
        while self._at < len(self._text):
            self._at += 1
            digits = self._text[begin : self._at]
            if digits.endswith("}"):
                return code
            if digits[-1] not in hexdigits or (code := int(digits, 16)) > sys.maxunicode:
                break
        return -1


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and (text == "0" or not text.startswith("0"))


def _member(char: str) -> str:
    """A character as it stands in Python's brackets."""
    return f"\\U{ord(char):08x}"


def _spans(inside: Callable[[str], bool], end: int) -> str:
    """The members of a class below `end`, as Python's brackets have them."""
    out, begin = [], -1
    for number in range(end + 1):
        here = number < end and inside(chr(number))
        if here and begin < 0:
            begin = number
        elif not here and begin >= 0:
            out.append(f"{_member(chr(begin))}-{_member(chr(number - 1))}")
            begin = -1
    return "".join(out)


def _all_but(members: str) -> str:
    """All that is not in a class of ASCII."""
    pattern = re.compile(f"[{members}]")
    return _spans(lambda char: not pattern.match(char), 128) + rf"\x80-{_member(chr(sys.maxunicode))}"


def _category(name: str, *, negative: bool) -> str:
    """The members of one of Unicode's categories (`L`, `Lu`), or all others."""
    if name == "Any":
        return "" if negative else f"\\x00-{_member(chr(sys.maxunicode))}"
    return _spans(lambda char: unicodedata.category(char).startswith(name) != negative, sys.maxunicode + 1)
