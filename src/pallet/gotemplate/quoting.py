"""Go's string and number literals: reading them, and quoting text as %q does.

Source: the Go specification's sections on lexical literals; strconv's Quote, Unquote, ParseInt and ParseFloat.
"""

from __future__ import annotations

from .values import to_bytes, to_text

_ESCAPES = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92}
_NAMED = {7: "\\a", 8: "\\b", 12: "\\f", 10: "\\n", 13: "\\r", 9: "\\t", 11: "\\v", 92: "\\\\"}


def escape_char(char: str, mark: str, *, ascii_only: bool = False) -> str:
    """One character as it stands in a quoted literal. A surrogate that carries a raw byte becomes \\xNN."""
    code = ord(char)
    if char == mark:
        return "\\" + char
    if code in _NAMED:
        return _NAMED[code]
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if char.isprintable() and (not ascii_only or code < 128):
        return char
    if code < 32 or code == 127:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def quote(text: str, *, ascii_only: bool = False) -> str:
    """Text as a Go string literal in double quotes."""
    return '"' + "".join(escape_char(char, '"', ascii_only=ascii_only) for char in text) + '"'


def quote_rune(code: int, *, ascii_only: bool = False) -> str:
    """A code point as a Go character literal; what is no code point becomes U+FFFD."""
    if not 0 <= code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        code = 0xFFFD
    return "'" + escape_char(chr(code), "'", ascii_only=ascii_only) + "'"


def _unescape(body: str, pos: int, mark: str) -> tuple[int, bool, int]:
    """Reads one escape that follows a backslash: its code, whether it is a single byte, and the position after it.

    Raises:
        ValueError: Go has no such escape.
    """
    char = body[pos : pos + 1]
    if char in _ESCAPES:
        return _ESCAPES[char], False, pos + 1
    if char == mark:
        return ord(char), False, pos + 1
    if char and char in "01234567":
        code = _digits(body[pos : pos + 3], 3, 8)
        if code > 255:
            raise ValueError("octal escape over 255")
        return code, True, pos + 3
    width = {"x": 2, "u": 4, "U": 8}.get(char, 0)
    code = _digits(body[pos + 1 : pos + 1 + width], width, 16)
    if width > 2 and (code > 0x10FFFF or 0xD800 <= code <= 0xDFFF):
        raise ValueError("not a code point")
    return code, width == 2, pos + 1 + width


def _digits(text: str, width: int, base: int) -> int:
    if not width or len(text) != width or not text.isascii() or not text.isalnum():
        raise ValueError("bad escape")
    return int(text, base)


def unquote(literal: str) -> str:
    """The text of a string literal, in double quotes or back quotes.

    Raises:
        ValueError: an escape Go does not have.
    """
    body = literal[1:-1]
    if literal[0] == "`":
        return body.replace("\r", "")
    if "\\" not in body:
        return body
    parts: list[bytes] = []
    pos = 0
    while pos < len(body):
        slash = body.find("\\", pos)
        if slash < 0:
            parts.append(to_bytes(body[pos:]))
            break
        parts.append(to_bytes(body[pos:slash]))
        code, single, pos = _unescape(body, slash + 1, '"')
        parts.append(bytes((code,)) if single else chr(code).encode())
    return to_text(b"".join(parts))


def unquote_rune(literal: str) -> tuple[int, int]:
    """The code of a character literal's first character, and how much of what is between the quotes it takes.

    Raises:
        ValueError: "invalid syntax": nothing between the quotes, or an escape Go does not have.
    """
    body = literal[1:-1]
    if not body:
        raise ValueError("invalid syntax")
    if not body.startswith("\\"):
        return ord(body[0]), 1
    try:
        code, _, end = _unescape(body, 1, "'")
    except ValueError:
        raise ValueError("invalid syntax") from None
    return code, end


def _underscores_fit(digits: str, prefixed: bool) -> bool:
    """Whether underscores only stand between digits, or after a base prefix."""
    if "_" not in digits:
        return True
    return "__" not in digits and not digits.endswith("_") and (prefixed or not digits.startswith("_"))


def parse_int(text: str) -> int:
    """A whole number as Go writes one: decimal, 0x, 0o, 0b, or octal with a leading 0; underscores between digits.

    Raises:
        ValueError: not a whole number.
    """
    sign, body = (text[0], text[1:]) if text[:1] in ("+", "-") else ("+", text)
    base, digits = 10, body
    if body[:1] == "0" and len(body) > 1:
        base = {"x": 16, "o": 8, "b": 2}.get(body[1].lower(), 0)
        digits = body[2:] if base else body[1:]
        base = base or 8
    if not digits or not _underscores_fit(digits, prefixed=base != 10) or len(digits) > 400:
        raise ValueError("not an integer")
    value = int(digits.replace("_", ""), base)
    return -value if sign == "-" else value


def parse_float(text: str) -> float:
    """A floating-point number as Go writes one, decimal or hexadecimal with a p exponent.

    Raises:
        ValueError: not a number, or outside the range of a 64-bit float.
    """
    plain = text.lstrip("+-").lower()
    hexadecimal = plain.startswith("0x")
    digits = plain[2:] if hexadecimal else plain
    if not _underscores_fit(digits, prefixed=hexadecimal) or len(text) > 1000 or (hexadecimal and "p" not in plain):
        raise ValueError("not a number")
    if not digits or digits[0] not in "0123456789abcdef._" or plain in ("inf", "infinity", "nan"):
        raise ValueError("not a number")
    try:
        value = float.fromhex(text.replace("_", "")) if hexadecimal else float(text.replace("_", ""))
    except OverflowError:
        raise ValueError("out of range") from None
    if value in (float("inf"), float("-inf")):
        raise ValueError("out of range")
    return value
