"""The lexer: template text to tokens.

Source: the documentation of Go's text/template (actions, trim markers, comments, literals); error texts as
`docker image inspect --format` 20.10 (Go 1.19) prints them.
"""

from __future__ import annotations

KEYWORDS = frozenset(
    ("block", "break", "continue", "define", "else", "end", "if", "range", "nil", "template", "with"),
)
_SPACE = " \t\r\n"


class Token:
    """One token.

    Attributes:
        kind: text, left, right, space, field, ident, var, keyword, dot, bool, number, complex, char, string, raw,
            pipe, paren_open, paren_close, assign, declare, punct, eof or error.
        pos: where it starts, in characters.
        text: the token's own text; the message of an error.
        line: its line, from 1.
    """

    __slots__ = ("kind", "line", "pos", "text")

    def __init__(self, kind: str, pos: int, text: str, line: int) -> None:
        self.kind = kind
        self.pos = pos
        self.text = text
        self.line = line

    def describe(self) -> str:
        """The token as parse errors name it: `<if>`, `"x"`, EOF; long ones are cut after ten characters."""
        if self.kind == "eof":
            return "EOF"
        if self.kind == "error":
            return self.text
        if self.kind in ("keyword", "dot"):
            return f"<{self.text}>"
        from .quoting import quote

        return quote(self.text) if len(self.text.encode("utf-8", "replace")) <= 10 else quote(self.text[:10]) + "..."


class _Fail(Exception):
    """Ends the scan with an error token."""


def _unicode(char: str) -> str:
    """A character as %#U prints it."""
    return f"U+{ord(char):04X}" + (f" '{char}'" if char.isprintable() else "")


def _is_word(char: str) -> bool:
    # unicode.IsDigit is category Nd: isdecimal, not isdigit.
    return char == "_" or char.isalpha() or char.isdecimal()


class Lexer:
    """Scans a whole template. The last token is eof or error.

    Args:
        text: the template's text.
    """

    __slots__ = ("depth", "line", "pos", "start", "start_line", "text", "tokens")

    def __init__(self, text: str) -> None:
        self.text = text
        self.pos = self.start = 0
        self.line = self.start_line = 1
        self.depth = 0
        self.tokens: list[Token] = []

    def scan(self) -> list[Token]:
        """All tokens of the text."""
        try:
            while self._text():
                self._action()
        except _Fail as failure:
            self.tokens.append(Token("error", self.start, str(failure), self.start_line))
        return self.tokens

    def _emit(self, kind: str) -> None:
        text = self.text[self.start : self.pos]
        self.tokens.append(Token(kind, self.start, text, self.start_line))
        self._skip()

    def _skip(self) -> None:
        """Forgets what was read since the last token, keeping count of its lines."""
        self.line = self.start_line = self.start_line + self.text.count("\n", self.start, self.pos)
        self.start = self.pos

    def _peek(self) -> str:
        return self.text[self.pos] if self.pos < len(self.text) else ""

    def _trims_right(self, pos: int) -> bool:
        """Whether a trim marker stands before a closing delimiter: space, minus, braces."""
        return self.text.startswith("-}}", pos + 1) and self.text[pos] in _SPACE

    def _text(self) -> bool:
        """Scans text up to the next action; False at the end of input."""
        while True:
            left = self.text.find("{{", self.pos)
            if left < 0:
                self.pos = len(self.text)
                if self.pos > self.start:
                    self._emit("text")
                self._emit("eof")
                return False
            trim = self.text.startswith("-", left + 2) and self.text[left + 3 : left + 4] in (" ", "\t", "\r", "\n")
            self.pos = left
            if trim:
                self.pos = self.start + len(self.text[self.start : left].rstrip(_SPACE))
            if self.pos > self.start:
                self._emit("text")
            self.pos = left
            self._skip()
            after = left + (4 if trim else 2)
            if not self.text.startswith("/*", after):
                self.pos = left + 2
                self._emit("left")
                self.pos = after
                self._skip()
                return True
            self._comment(after)

    def _comment(self, pos: int) -> None:
        close = self.text.find("*/", pos + 2)
        if close < 0:
            raise _Fail("unclosed comment")
        self.pos = close + 2
        if self.text.startswith("}}", self.pos):
            self.pos += 2
        elif self.pos < len(self.text) and self._trims_right(self.pos):
            self.pos += 4
            self._skip_space()
        else:
            raise _Fail("comment ends before closing delimiter")
        self._skip()

    def _skip_space(self) -> None:
        while self._peek() and self._peek() in _SPACE:
            self.pos += 1

    def _action(self) -> None:
        """Scans the inside of one action and its closing delimiter."""
        text = self.text
        self.depth = 0
        while True:
            char = self._peek()
            trims = bool(char) and self._trims_right(self.pos)
            if trims or text.startswith("}}", self.pos):
                if self.depth:
                    raise _Fail("unclosed left paren")
                if trims:
                    self.pos += 2
                    self._skip()
                self.pos += 2
                self._emit("right")
                if trims:
                    self._skip_space()
                    self._skip()
                return
            if not char:
                raise _Fail("unclosed action")
            if char in _SPACE:
                while self._peek() and self._peek() in _SPACE and not self._trims_right(self.pos):
                    self.pos += 1
                self._emit("space")
            else:
                self._operand(char)

    def _operand(self, char: str) -> None:
        following = self.text[self.pos + 1 : self.pos + 2]
        if char in "\"'":
            self._quoted(char)
        elif char == "`":
            close = self.text.find("`", self.pos + 1)
            if close < 0:
                raise _Fail("unterminated raw quoted string")
            self.pos = close + 1
            self._emit("raw")
        elif char in "+-" or "0" <= char <= "9" or (char == "." and following and "0" <= following <= "9"):
            self._number()
        elif char in ".$":
            self.pos += 1
            self._word("field" if char == "." else "var")
        elif _is_word(char):
            self._word("ident")
        else:
            self._punctuation(char, following)

    def _punctuation(self, char: str, following: str) -> None:
        self.pos += 1
        if char == ":":
            if following != "=":
                raise _Fail("expected :=")
            self.pos += 1
            self._emit("declare")
        elif char == "(":
            self._emit("paren_open")
            self.depth += 1
        elif char == ")":
            self._emit("paren_close")
            self.depth -= 1
            if self.depth < 0:
                raise _Fail("unexpected right paren U+0029 ')'")
        elif char.isascii() and char.isprintable():
            self._emit({"=": "assign", "|": "pipe"}.get(char, "punct"))
        else:
            raise _Fail(f"unrecognized character in action: {_unicode(char)}")

    def _word(self, kind: str) -> None:
        while self._peek() and _is_word(self._peek()):
            self.pos += 1
        char = self._peek()
        if char and char not in " \t\r\n.,|:)(" and not self.text.startswith("}}", self.pos):
            raise _Fail(f"bad character {_unicode(char)}")
        word = self.text[self.start : self.pos]
        if word == ".":
            kind = "dot"
        elif kind == "ident":
            kind = "keyword" if word in KEYWORDS else "bool" if word in ("true", "false") else "ident"
        self._emit(kind)

    def _quoted(self, mark: str) -> None:
        what = "character constant" if mark == "'" else "quoted string"
        self.pos += 1
        while True:
            char = self._peek()
            self.pos += 1
            if char == "\\":
                char = self._peek()
                self.pos += 1
                if char and char != "\n":
                    continue
            if not char or char == "\n":
                self.pos = min(self.pos, len(self.text))
                raise _Fail(f"unterminated {what}")
            if char == mark:
                break
        self._emit("char" if mark == "'" else "string")

    def _number(self) -> None:
        from .quoting import quote

        whole = self._scan_number()
        if whole and self._peek() in ("+", "-"):
            whole = self._scan_number() and self.text[self.pos - 1] == "i"
            kind = "complex"
        else:
            kind = "number"
        if not whole:
            raise _Fail(f"bad number syntax: {quote(self.text[self.start : self.pos])}")
        self._emit(kind)

    def _accept(self, chars: str) -> bool:
        if self._peek() and self._peek() in chars:
            self.pos += 1
            return True
        return False

    def _scan_number(self) -> bool:
        """Reads what may be a number; the parser judges whether it is one."""
        self._accept("+-")
        digits, exponent = "0123456789_", "eE"
        if self._accept("0"):
            if self._accept("xX"):
                digits, exponent = "0123456789abcdefABCDEF_", "pP"
            elif self._accept("oO"):
                digits, exponent = "01234567_", ""
            elif self._accept("bB"):
                digits, exponent = "01_", ""
        while self._accept(digits):
            pass
        if self._accept("."):
            while self._accept(digits):
                pass
        if self._accept(exponent):
            self._accept("+-")
            while self._accept("0123456789_"):
                pass
        self._accept("i")
        if self._peek() and _is_word(self._peek()):
            self.pos += 1
            return False
        return True
