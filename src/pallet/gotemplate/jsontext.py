"""Values as Go's encoding/json writes them: no white space, map keys sorted, struct fields in order.

Source: the documentation of Go's encoding/json; `docker image inspect --format '{{json ...}}'` 20.10, which leaves
<, > and & as they are (SetEscapeHTML(false)) except inside values that marshal themselves.
"""

from __future__ import annotations

from pallet.errors import TemplateError

from .printing import MAX_NESTING, Output
from .scalars import shortest
from .values import MISSING, GoJsonNumber, GoNil, GoStruct, is_true

_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def encode(value: object, *, escape_html: bool = False) -> str:
    """A value's JSON.

    Args:
        value: any template value. An object with `__go_json__()` is written as what that returns, with <, > and &
            escaped, as Go writes a json.Marshaler that used json.Marshal.
        escape_html: whether <, > and & become \\u003c, \\u003e and \\u0026.

    Raises:
        TemplateError: Go has no JSON for it.
    """
    out = Output()
    _write(out, value, escape_html, 0)
    return str(out)


def _string(text: str, escape_html: bool) -> str:
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text and not escape_html:
        return f'"{text}"'
    parts = []
    for char in text:
        if char in _SHORT:
            parts.append(_SHORT[char])
        elif char < " " or char in "\u2028\u2029" or (escape_html and char in "<>&"):
            parts.append(f"\\u{ord(char):04x}")
        elif "\ud800" <= char <= "\udfff":
            # A byte that is no UTF-8.
            parts.append("\\ufffd")
        else:
            parts.append(char)
    return '"' + "".join(parts) + '"'


def _float(value: float) -> str:
    if value != value or abs(value) == float("inf"):
        raise TemplateError(f"json: unsupported value: {shortest(value)}")
    text = shortest(value, low=-6, high=21)
    # Go cleans e-09 up to e-9, and nothing else.
    return text[:-2] + text[-1] if text[-4:-1] == "e-0" else text


def _write(out: Output, value: object, escape_html: bool, depth: int) -> None:
    if depth > MAX_NESTING:
        raise TemplateError("value nests too deep to encode")
    if isinstance(value, GoJsonNumber):
        out.write(str(value))
    elif isinstance(value, str):
        out.write(_string(value, escape_html))
    elif value is None or value is MISSING or isinstance(value, GoNil):
        out.write("null")
    elif isinstance(value, bool):
        out.write("true" if value else "false")
    elif isinstance(value, int):
        out.write(int.__repr__(value))
    elif isinstance(value, float):
        out.write(_float(value))
    elif isinstance(value, (list, tuple)):
        out.write("[")
        for index, item in enumerate(value):
            if index:
                out.write(",")
            _write(out, item, escape_html, depth + 1)
        out.write("]")
    elif isinstance(value, dict):
        _write_entries(out, value, escape_html, depth)
    else:
        marshal = getattr(value, "__go_json__", None)
        if marshal is None:
            raise TemplateError(f"json: unsupported type: {type(value).__name__}")
        _write(out, marshal(), True, depth + 1)


def _write_entries(out: Output, value: dict[str, object], escape_html: bool, depth: int) -> None:
    if isinstance(value, GoStruct):
        entries = []
        for field, item in value.items():
            name, _, options = value.tags.get(field, field).partition(",")
            if name == "-" or ("omitempty" in options.split(",") and not is_true(item)):
                continue
            entries.append((name or field, item))
    else:
        entries = sorted(((str(key), item) for key, item in value.items()), key=lambda entry: entry[0])
    out.write("{")
    for index, (name, item) in enumerate(entries):
        out.write(("," if index else "") + _string(name, escape_html) + ":")
        _write(out, item, escape_html, depth + 1)
    out.write("}")
