"""Signals as docker names them: `TERM`, `SIGTERM`, `15`."""

from __future__ import annotations

from signal import Signals

from pallet.errors import InvalidInput

_REALTIME_MIN = 34
_REALTIME_MAX = 64


def signal_number(text: str) -> int:
    """The number of a signal.

    Raises:
        InvalidInput: docker's text.
    """
    if text.isascii() and text.isdigit():
        number = int(text)
        if 0 < number <= _REALTIME_MAX:
            return number
        raise InvalidInput(f"Invalid signal: {text}")
    name = text.upper().removeprefix("SIG")
    if name.startswith("RTMIN+") and name[6:].isdigit() and int(name[6:]) <= _REALTIME_MAX - _REALTIME_MIN:
        return _REALTIME_MIN + int(name[6:])
    if name.startswith("RTMAX-") and name[6:].isdigit() and int(name[6:]) <= _REALTIME_MAX - _REALTIME_MIN:
        return _REALTIME_MAX - int(name[6:])
    try:
        return Signals["SIG" + name].value
    except KeyError:
        raise InvalidInput(f"Invalid signal: {text}") from None
