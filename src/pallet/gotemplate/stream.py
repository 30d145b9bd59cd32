"""The parser's view of the tokens: looking ahead, taking, and errors that name a line.

Source: error texts as `docker image inspect --format` 20.10 (Go 1.19) prints them.
"""

from __future__ import annotations

from pallet.errors import TemplateError

from .lexer import Lexer, Token


class TokenStream:
    """A template's tokens, read one after the other.

    Args:
        text: the template.
        name: its name, for errors.
    """

    def __init__(self, text: str, name: str) -> None:
        self._name = name
        self._tokens = Lexer(text).scan()
        self._at = 0
        # Go's errors name the line of the last token it has looked at.
        self._furthest = 0
        self._action_line = 0

    def _peek(self) -> Token:
        self._furthest = max(self._furthest, self._at)
        return self._tokens[min(self._at, len(self._tokens) - 1)]

    def _next(self) -> Token:
        token = self._peek()
        self._at += 1
        return token

    def _peek_word(self, ahead: int = 0) -> Token:
        """The next token that is no space, without taking it."""
        at = self._at + ahead
        while at < len(self._tokens) and self._tokens[at].kind == "space":
            at += 1
        self._furthest = max(self._furthest, at)
        return self._tokens[min(at, len(self._tokens) - 1)]

    def _word(self) -> Token:
        """Takes the next token that is no space."""
        while self._peek().kind == "space":
            self._at += 1
        return self._next()

    def _expect(self, kinds: tuple[str, ...], context: str) -> Token:
        token = self._word()
        if token.kind not in kinds:
            raise self._unexpected(token, context)
        return token

    def _error(self, message: str) -> TemplateError:
        line = self._tokens[min(self._furthest, len(self._tokens) - 1)].line
        return TemplateError(f"template: {self._name}:{line}: {message}")

    def _unexpected(self, token: Token, context: str) -> TemplateError:
        if token.kind != "error":
            return self._error(f"unexpected {token.describe()} in {context}")
        extra = ""
        if self._action_line not in (0, token.line):
            started = f"started at {self._name}:{self._action_line}"
            extra = f" {started}" if token.text.endswith(" action") else f" in action {started}"
        return self._error(token.text + extra)
