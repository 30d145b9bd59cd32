"""Numbers and truth values as Go's strconv reads them, and says that it cannot."""

from __future__ import annotations

from pallet.dockerfile.source import quoted
from pallet.errors import InvalidInput

_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("0", "f", "F", "FALSE", "false", "False")
_MOST_DIGITS = 30


def parse_number(text: str, *, base: int = 10, bits: int = 63) -> int:
    """An integer of at most `bits` bits, with an optional sign.

    Raises:
        InvalidInput: not a number, or too large, with Go's text.
    """
    digits = text[1:] if text[:1] in ("+", "-") else text
    allowed = "0123456789"[:base]
    if not digits or digits.strip(allowed):
        raise InvalidInput(f"strconv.ParseInt: parsing {quoted(text)}: invalid syntax")
    significant = digits.lstrip("0")
    number = int(significant or "0", base) if len(significant) <= _MOST_DIGITS else 1 << bits
    if number >= 1 << bits:
        raise InvalidInput(f"strconv.ParseInt: parsing {quoted(text)}: value out of range")
    return -number if text.startswith("-") else number


def parse_unsigned(text: str, *, base: int = 10, bits: int = 32) -> int:
    """An integer without a sign.

    Raises:
        InvalidInput: not a number, or too large, with Go's text.
    """
    if text[:1] in ("+", "-"):
        raise InvalidInput(f"strconv.ParseUint: parsing {quoted(text)}: invalid syntax")
    return parse_number(text, base=base, bits=bits)


def parse_truth(text: str) -> bool:
    """`true`, `1`, `t`, ... or `false`, `0`, `f`, ...

    Raises:
        InvalidInput: neither, with Go's text.
    """
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise InvalidInput(f"strconv.ParseBool: parsing {quoted(text)}: invalid syntax")
