"""JSON for commands that are over before a library for it is loaded. On the quick path.

Everything that decides something is decoded by `pallet.oci.codec`, typed and checked; this only shows documents that
were checked when they came. The reading is done by the C code that `json` is made of: `json` itself would import `re`.
"""

from __future__ import annotations

from _json import encode_basestring as _quoted
from _json import make_scanner

from pallet.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SPACE = " \t\r\n"


class _Reading:
    """What the scanner asks for, see `json.JSONDecoder`."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float


def parse_object(raw: bytes, what: str) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        raw: the JSON text.
        what: the document's name for the error text.

    Raises:
        InvalidInput: not a JSON object.
    """
    try:
        text = raw.decode()
        scan = make_scanner(_Reading)  # type: ignore[arg-type]  # its stub asks for a scanner
        found, end = scan(text, len(text) - len(text.lstrip(_SPACE)))
    except (ValueError, StopIteration, RecursionError) as error:
        raise InvalidInput(f"{what} is not valid: {error}") from error
    if not isinstance(found, dict) or text[end:].strip(_SPACE):
        raise InvalidInput(f"{what} is not valid: it is no JSON object")
    return found


def write(value: Any, indent: int | None = None, level: int = 0) -> str:
    """A value as JSON, as docker's inspect commands print it.

    Args:
        value: dicts, lists, tuples, strings, numbers, booleans and None.
        indent: spaces for each level of nesting; None for one line without spaces.
        level: how deep it lies.
    """
    if isinstance(value, str):
        return str(_quoted(value))
    if isinstance(value, dict):
        colon = ":" if indent is None else ": "
        items = [f"{_quoted(key)}{colon}{write(each, indent, level + 1)}" for key, each in value.items()]
        return _bracketed("{", items, "}", indent, level)
    if isinstance(value, list | tuple):
        return _bracketed("[", [write(each, indent, level + 1) for each in value], "]", indent, level)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    raise TypeError(f"no JSON for {type(value).__name__}")


def _bracketed(begin: str, items: list[str], end: str, indent: int | None, level: int) -> str:
    if indent is None or not items:
        return begin + ",".join(items) + end
    margin = "\n" + " " * (indent * level)
    inner = margin + " " * indent
    return begin + inner + ("," + inner).join(items) + margin + end
