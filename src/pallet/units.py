"""Sizes and durations as docker writes and reads them.

Source: the documentation of docker/go-units; `docker image ls` 20.10.
"""

from __future__ import annotations

from pallet.errors import InvalidInput

_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")
_POWERS = "kmgtp"


def _scaled(size: float, base: float, units: tuple[str, ...], precision: int) -> str:
    index = 0
    while size >= base and index < len(units) - 1:
        size /= base
        index += 1
    return f"{size:.{precision}g}{units[index]}"


def human_size(size: float, precision: int = 3) -> str:
    """A number of bytes in decimal units, such as "199MB".

    Args:
        size: bytes.
        precision: significant digits: 3 in `docker image ls`, 4 where docker calls HumanSize, as for a virtual size.
    """
    return _scaled(size, 1000.0, _DECIMAL, precision)


def bytes_size(size: float) -> str:
    """A number of bytes in binary units, four digits at most, such as "189.7MiB"."""
    return _scaled(size, 1024.0, _BINARY, 4)


def human_duration(seconds: float) -> str:
    """A duration in words, such as "About a minute" or "2 weeks".

    Args:
        seconds: the duration; a negative one counts as no time at all, as in docker.
    """
    whole = int(seconds)
    minutes = int(seconds / 60)
    hours = int(seconds / 3600 + 0.5)
    if whole < 1:
        return "Less than a second"
    if whole == 1:
        return "1 second"
    if whole < 60:
        return f"{whole} seconds"
    if minutes == 1:
        return "About a minute"
    if minutes < 60:
        return f"{minutes} minutes"
    if hours == 1:
        return "About an hour"
    if hours < 48:
        return f"{hours} hours"
    if hours < 24 * 7 * 2:
        return f"{hours // 24} days"
    if hours < 24 * 30 * 2:
        return f"{hours // 24 // 7} weeks"
    if hours < 24 * 365 * 2:
        return f"{hours // 24 // 30} months"
    return f"{int(seconds / 3600) // 24 // 365} years"


def parse_size(text: str, *, binary: bool = True) -> int:
    """The bytes of a size such as "1g", "512 MiB" or "1.5kb".

    Args:
        text: a number, perhaps a space, perhaps a unit: k, m, g, t or p in either case, then i and b as one likes.
        binary: whether k is 1024, as in --memory, and not 1000.

    Raises:
        InvalidInput: it is no size.
    """
    error = InvalidInput(f"invalid size: '{text}'")
    digits = 0
    while digits < len(text) and text[digits] in "0123456789.":
        digits += 1
    number, unit = text[:digits], text[digits:].removeprefix(" ").lower()
    if not all(number.split(".")):
        raise error
    power = 0
    if unit and unit[0] in _POWERS:
        power = _POWERS.index(unit[0]) + 1
        unit = unit[1:]
    if unit not in ("", "b", "i", "ib"):
        raise error
    if number.count(".") > 1:
        # docker lets this one through to Go's number parser, whose words these are.
        raise InvalidInput(f'strconv.ParseFloat: parsing "{number}": invalid syntax')
    value = float(number) * (1024 if binary else 1000) ** power
    if value >= 1 << 63:
        raise error
    return int(value)
