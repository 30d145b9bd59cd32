"""Literal tokens to their values.

Source: the documentation of Go's text/template/parse (NumberNode); error texts as docker 20.10 prints them.
"""

from __future__ import annotations

from .nodes import Literal
from .quoting import parse_float, parse_int, quote, unquote, unquote_rune

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .lexer import Token


def string(token: Token) -> str:
    """The text of a string token.

    Raises:
        ValueError: a bad escape.
    """
    return unquote(token.text)


def number(token: Token) -> Literal:
    """The node of a number or character token.

    Raises:
        ValueError: its message is the parse error's text.
    """
    text = token.text
    if token.kind == "char":
        code, end = unquote_rune(text)
        if end != len(text) - 2:
            raise ValueError(f"malformed character constant: {text}")
        return Literal(token.pos, code, text)
    if text.endswith("i"):
        return Literal(token.pos, _complex(text), text)
    try:
        whole = parse_int(text)
    except ValueError:
        return Literal(token.pos, _float(text), text)
    if not -(1 << 63) <= whole < 1 << 64:
        raise ValueError(f"integer overflow: {quote(text)}")
    return Literal(token.pos, whole, text, overflows=whole >= 1 << 63)


def _float(text: str) -> float:
    try:
        value = parse_float(text)
    except ValueError:
        raise ValueError(f"illegal number syntax: {quote(text)}") from None
    if not any(char in ".eEpP" for char in text):
        raise ValueError(f"integer overflow: {quote(text)}")
    return value


def _complex(text: str) -> complex:
    """A complex constant: `1+2i`, or the imaginary part alone."""
    body = text[:-1]
    split = max(body.rfind("+"), body.rfind("-"))
    while split > 0 and body[split - 1] in "eEpP" and not body[:split].lower().startswith("0x"):
        split = max(body.rfind("+", 0, split), body.rfind("-", 0, split))
    try:
        real = parse_float(body[:split]) if split > 0 else 0.0
        return complex(real, parse_float(body[max(split, 0) :]))
    except ValueError:
        raise ValueError(f"illegal number syntax: {quote(text)}") from None
