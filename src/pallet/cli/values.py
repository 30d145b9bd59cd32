"""The values of flags: from the word on the command line to a Python value, with Go's error texts.

Sources: Go's strconv and time packages, docker/go-units, docker/cli opts.
"""

from __future__ import annotations

from pallet.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("0", "f", "F", "FALSE", "false", "False")
_BASES = {"x": 16, "o": 8, "b": 2}
_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_SIZES = "kmgtp"


def quoted(text: str, mark: str = '"') -> str:
    """Quote text as Go's `%q` does."""
    out = [mark]
    for char in text:
        code = ord(char)
        if char in (mark, "\\"):
            out.append("\\" + char)
        elif char in _ESCAPES:
            out.append(_ESCAPES[char])
        elif 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8, as os.fsdecode keeps it
            out.append(f"\\x{code - 0xDC00:02x}")
        elif char.isprintable():
            out.append(char)
        elif code < 0x80:
            out.append(f"\\x{code:02x}")
        else:
            out.append(f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
    out.append(mark)
    return "".join(out)


def boolean(text: str) -> bool:
    """Read a bool as strconv.ParseBool does. Raises InvalidInput."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise InvalidInput(f"strconv.ParseBool: parsing {quoted(text)}: invalid syntax")


def _magnitude(text: str) -> int:
    """Read an unsigned Go literal (decimal, 0x, 0o, 0b, a leading 0 for octal, underscores). Raises ValueError."""
    if not text.isascii() or not text[:1].isdigit():
        raise ValueError(text)
    if text[0] == "0" and len(text) > 1:
        base = _BASES.get(text[1].lower())
        return int(text, base) if base else int(text.replace("_", "", 1) if text[1] == "_" else text, 8)
    return int(text)


def integer(text: str) -> int:
    """Read a signed 64 bit integer as strconv.ParseInt does with base 0. Raises InvalidInput."""
    sign = -1 if text.startswith("-") else 1
    try:
        value = sign * _magnitude(text[1:] if text[:1] in ("+", "-") else text)
    except ValueError:
        raise InvalidInput(f"strconv.ParseInt: parsing {quoted(text)}: invalid syntax") from None
    if not -(2**63) <= value < 2**63:
        raise InvalidInput(f"strconv.ParseInt: parsing {quoted(text)}: value out of range")
    return value


def unsigned16(text: str) -> int:
    """Read an unsigned 16 bit integer as strconv.ParseUint does with base 0. Raises InvalidInput."""
    try:
        value = _magnitude(text)
    except ValueError:
        raise InvalidInput(f"strconv.ParseUint: parsing {quoted(text)}: invalid syntax") from None
    if value >= 2**16:
        raise InvalidInput(f"strconv.ParseUint: parsing {quoted(text)}: value out of range")
    return value


def _digits(text: str) -> str:
    """The ASCII digits that the text starts with."""
    end = 0
    while end < len(text) and text[end] in "0123456789":
        end += 1
    return text[:end]


def duration(text: str) -> int:
    """Read a Go duration such as `1h30m` or `1.5s`; returns nanoseconds. Raises InvalidInput."""
    invalid = InvalidInput(f"time: invalid duration {quoted(text)}")
    sign = -1 if text.startswith("-") else 1
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return 0
    if not rest:
        raise invalid
    total = 0
    while rest:
        whole = _digits(rest)
        rest = rest[len(whole) :]
        fraction = ""
        if rest.startswith("."):
            fraction = _digits(rest[1:])
            rest = rest[1 + len(fraction) :]
        if not whole and not fraction:
            raise invalid
        end = 0
        while end < len(rest) and rest[end] not in ".0123456789":
            end += 1
        unit, rest = rest[:end], rest[end:]
        if not unit:
            raise InvalidInput(f"time: missing unit in duration {quoted(text)}")
        if unit not in _UNITS:
            raise InvalidInput(f"time: unknown unit {quoted(unit)} in duration {quoted(text)}")
        total += int(whole or "0") * _UNITS[unit] + int(fraction or "0") * _UNITS[unit] // 10 ** len(fraction)
    if total >= 2**63:
        raise invalid
    return sign * total


def size(text: str) -> int:
    """Read a size such as `512m` or `1.5 GiB` in powers of 1024, as docker's memory flags do; returns bytes.

    Raises InvalidInput.
    """
    whole = _digits(text)
    rest = text[len(whole) :]
    fraction = ""
    if rest.startswith("."):
        fraction = _digits(rest[1:])
        rest = rest[1 + len(fraction) :] if fraction else rest
    unit = rest.removeprefix(" ").lower()
    power = 0
    if unit[:1] and unit[0] in _SIZES:
        power = _SIZES.index(unit[0]) + 1
        unit = unit[1:]
    if not whole or unit not in ("", "i", "b", "ib"):
        raise InvalidInput(f"invalid size: '{text}'")
    value = (int(whole + fraction) << 10 * power) // int("1" + "0" * len(fraction))
    return value if value < 1 << 63 else -(1 << 63)  # Go's conversion of a number that is too large


def nano_cpus(text: str) -> int:
    """Read a number of CPUs; returns billionths of a CPU. Raises InvalidInput."""
    from fractions import Fraction

    try:
        if text != text.strip():
            raise ValueError(text)
        value = Fraction(int(text, 16) if text[:2].lower() == "0x" else text) * 1_000_000_000
    except (ValueError, ZeroDivisionError):
        raise InvalidInput(f"failed to parse {text} as a rational number") from None
    if value.denominator != 1:
        raise InvalidInput("value is too precise")
    return value.numerator


def condition(text: str) -> tuple[str, str]:
    """Read a filter `name=value`; the name comes back in lower case. Raises InvalidInput."""
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidInput("bad format of filter (expected name=value)")
    return name.strip().lower(), value.strip()


def word(text: str) -> str:
    """Take the word as it is."""
    return text


READERS: dict[str, Callable[[str], object]] = {
    "bool": boolean,
    "bytes": size,
    "decimal": nano_cpus,
    "duration": duration,
    "filter": condition,
    "int": integer,
    "list": word,
    "string": word,
    "uint16": unsigned16,
}
"""How each kind of flag reads its word."""

REPEATED = ("list", "filter")
"""The kinds that may be given more than once; their value is a tuple."""

ZEROS: dict[str, object] = {"bool": False, "string": "", "list": (), "filter": ()}
"""The default of each kind that has another one than 0."""
