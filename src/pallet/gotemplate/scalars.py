"""Formatting of single values under printf's flags: text, whole numbers, floating-point numbers.

Source: the documentation of Go's fmt and strconv.
"""

from __future__ import annotations

from .quoting import quote, quote_rune
from .values import to_bytes


class Flags:
    """The flags, width and precision of one verb.

    Attributes:
        plus, minus, sharp, space, zero: the flags of those names.
        width, precision: as given, or None.
        plus_v, sharp_v: whether the verb is %+v or %#v, which have meanings of their own.
    """

    __slots__ = ("minus", "plus", "plus_v", "precision", "sharp", "sharp_v", "space", "width", "zero")

    def __init__(self) -> None:
        self.plus = self.minus = self.sharp = self.space = self.zero = False
        self.width: int | None = None
        self.precision: int | None = None
        self.plus_v = self.sharp_v = False


def pad(text: str, flags: Flags, *, zero: bool | None = None) -> str:
    """Text brought to the flags' width, counted in characters."""
    missing = (flags.width or 0) - len(text)
    if missing <= 0:
        return text
    if flags.minus:
        return text + " " * missing
    return ("0" if (flags.zero if zero is None else zero) else " ") * missing + text


def format_bool(value: bool, flags: Flags) -> str:
    """%t."""
    return pad("true" if value else "false", flags)


def format_string(text: str, verb: str, flags: Flags) -> str | None:
    """%v %s %q %x %X; None for a verb that strings do not have."""
    if verb == "v" and flags.sharp_v:
        return pad(quote(text), flags)
    if verb in "vs":
        return pad(text if flags.precision is None else text[: flags.precision], flags)
    if verb == "q":
        cut = text if flags.precision is None else text[: flags.precision]
        if flags.sharp and "`" not in cut and all(char == "\t" or char.isprintable() for char in cut):
            return pad(f"`{cut}`", flags)
        return pad(quote(cut, ascii_only=flags.plus), flags)
    if verb in "xX":
        data = to_bytes(text)
        digits = (data if flags.precision is None else data[: flags.precision]).hex(*" " * flags.space)
        if flags.sharp and digits:
            digits = " ".join(f"0x{part}" for part in digits.split(" "))
        return pad(digits.upper() if verb == "X" else digits, flags)
    return None


def format_int(value: int, verb: str, flags: Flags, *, unsigned: bool = False) -> str | None:
    """%v %d %b %o %O %x %X %c %q %U; None for a verb that whole numbers do not have."""
    if verb == "v":
        if flags.sharp_v and unsigned:
            return _digits(value, 16, "v", flags, prefix="0x")
        return _digits(value, 10, verb, flags)
    if verb in "dboOxX":
        return _digits(value, {"d": 10, "b": 2, "o": 8, "O": 8, "x": 16, "X": 16}[verb], verb, flags)
    if verb == "c":
        valid = 0 <= value <= 0x10FFFF and not 0xD800 <= value <= 0xDFFF
        return pad(chr(value) if valid else "\ufffd", flags)
    if verb == "q":
        return pad(quote_rune(value, ascii_only=flags.plus), flags)
    if verb == "U":
        code = value % (1 << 64)
        text = f"U+{code:0{max(4, flags.precision or 0)}X}"
        if flags.sharp and code <= 0x10FFFF and chr(code).isprintable():
            text += f" '{chr(code)}'"
        return pad(text, flags, zero=False)
    return None


def _digits(value: int, base: int, verb: str, flags: Flags, *, prefix: str = "") -> str:
    precision = flags.precision
    signed = value < 0 or flags.plus or flags.space
    if precision is None and flags.zero and not flags.minus and flags.width is not None:
        precision = flags.width - signed
    if flags.precision == 0 and value == 0:
        return " " * (flags.width or 0)
    text = format(abs(value), {2: "b", 8: "o", 10: "d", 16: "x"}[base]).rjust(precision or 0, "0")
    if flags.sharp:
        prefix = {2: "0b", 16: "0x"}.get(base, prefix)
        if base == 8 and not text.startswith("0"):
            prefix = "0"
    if verb == "O":
        prefix = "0o"
    text = prefix + text
    if verb == "X":
        text = text.upper()
    sign = "-" if value < 0 else "+" if flags.plus else " " if flags.space else ""
    return pad(sign + text, flags, zero=False)


def shortest(value: float, *, low: int = -4, high: int = 6) -> str:
    """A float in the fewest digits that read back the same: plain while low <= exponent < high, else with an e."""
    text = repr(value)
    if "n" in text:
        return {"inf": "+Inf", "-inf": "-Inf"}.get(text, "NaN")
    sign, text = ("-", text[1:]) if text[0] == "-" else ("", text)
    mantissa, _, exponent_text = text.partition("e")
    whole, _, fraction = mantissa.partition(".")
    point = len(whole) + int(exponent_text or 0)
    digits = whole + fraction
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    digits = stripped.rstrip("0")
    if not digits:
        return sign + "0"
    exponent = point - 1
    if low <= exponent < high:
        if point <= 0:
            return f"{sign}0.{'0' * -point}{digits}"
        tail = digits[point:]
        return sign + digits[:point].ljust(point, "0") + (f".{tail}" if tail else "")
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{tail}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def format_float(value: float, verb: str, flags: Flags) -> str | None:
    """%v %g %G %e %E %f %F %x %X %b; None for a verb that floats do not have."""
    kind = {"v": "g", "F": "f"}.get(verb, verb)
    if kind not in "gGeEfxXb":
        return None
    finite = value == value and abs(value) != float("inf")
    if not finite:
        text = shortest(value)
        if value != value:
            text = f"+{text}" if flags.plus else f" {text}" if flags.space else text
        elif flags.space and not flags.plus:
            text = text.replace("+", " ")
        return pad(text, flags, zero=False)
    if kind == "b":
        mantissa, exponent = _binary(value)
        text = f"{'-' if mantissa < 0 else ''}{abs(mantissa)}p{exponent:+d}"
    elif kind in "xX":
        text = _hex(value, flags.precision)
        text = text.upper() if kind == "X" else text
    elif kind in "gG" and flags.precision is None:
        # Without a precision Go takes exponent form from 1e6 on.
        text = shortest(value)
        text = text.upper() if kind == "G" else text
    else:
        precision = 6 if flags.precision is None else flags.precision
        text = format(value, f".{precision}{kind}")
    if flags.sharp and kind != "b":
        text = _with_point(text, kind, flags.precision)
    negative = text.startswith("-")
    body = text[1:] if negative else text
    sign = "-" if negative else "+" if flags.plus else " " if flags.space else ""
    if flags.zero and not flags.minus and flags.width is not None:
        return sign + body.rjust(flags.width - len(sign), "0")
    return pad(sign + body, flags, zero=False)


def _with_point(text: str, kind: str, precision: int | None) -> str:
    """A float's text with a decimal point whatever its value; %g and %x keep trailing zeros too (the # flag)."""
    sign, body = ("-", text[1:]) if text.startswith("-") else ("", text)
    cut = next((at for at, char in enumerate(body) if char in "pP" or (char in "eE" and kind not in "xX")), len(body))
    number, tail = body[:cut], body[cut:]
    wanted = 0
    if kind in "gGx":
        wanted = 6 if precision is None else precision
        # Go counts the x of 0x as a digit.
        wanted -= len(number.replace(".", "").lstrip("0"))
    if "." not in number:
        wanted -= number == "0"
        number += "."
    return sign + number + "0" * max(0, wanted) + tail


def _binary(value: float) -> tuple[int, int]:
    """A float as mantissa * 2**exponent, the mantissa of 53 bits where the number allows it."""
    numerator, denominator = value.as_integer_ratio()
    exponent = -(denominator.bit_length() - 1)
    while numerator and abs(numerator).bit_length() > 53:
        numerator >>= 1
        exponent += 1
    shift = min(53 - abs(numerator).bit_length(), exponent + 1074) if numerator else exponent + 1074
    return numerator << shift, exponent - shift


def _hex(value: float, precision: int | None) -> str:
    """A float as 0x1.8p+00."""
    mantissa, exponent = _binary(abs(value))
    sign = "-" if str(value).startswith("-") else ""
    if mantissa == 0:
        return f"{sign}0x0{'.' + '0' * precision if precision else ''}p+00"
    exponent += mantissa.bit_length() - 1
    mantissa <<= 53 - mantissa.bit_length()
    if precision is not None and precision < 13:
        drop = 4 * (13 - precision)
        half, rest = 1 << (drop - 1), mantissa & ((1 << drop) - 1)
        mantissa = (mantissa >> drop) + (rest > half or (rest == half and (mantissa >> drop) & 1))
        mantissa <<= drop
        if mantissa.bit_length() > 53:
            mantissa, exponent = mantissa >> 1, exponent + 1
    digits = f"{mantissa & ((1 << 52) - 1):013x}"
    digits = digits.rstrip("0") if precision is None else digits[:precision].ljust(precision, "0")
    point = "." if digits else ""
    return f"{sign}0x1{point}{digits}p{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def format_complex(value: complex, verb: str, flags: Flags) -> str | None:
    """(1+2i), each part under the verb."""
    real = format_float(value.real, verb, flags)
    imaginary_flags = Flags()
    imaginary_flags.width, imaginary_flags.precision = flags.width, flags.precision
    imaginary_flags.minus, imaginary_flags.zero, imaginary_flags.plus = flags.minus, flags.zero, True
    imaginary_flags.sharp = flags.sharp
    imaginary = format_float(value.imag, verb, imaginary_flags)
    return None if real is None or imaginary is None else f"({real}{imaginary}i)"
