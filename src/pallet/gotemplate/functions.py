"""The functions a template may call: Go's builtins and docker's own.

Source: the documentation of Go's text/template (functions) and docker's "Format command and log output"; texts and
edge cases as `docker image inspect --format` 20.10 gives them.
"""

from __future__ import annotations

from pallet.errors import TemplateError

from .compare import COMPARISONS
from .containers import call, index, length, slice_of
from .values import MISSING, GoNil, GoSlice, is_true, to_bytes, to_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MAX_REPEAT = 1_000_000
"""The most spaces pad adds on a side."""


class Function:
    """A function and what it takes.

    Attributes:
        call: the function itself. It raises TemplateError with the bare message; the evaluator says where.
        params: the Go types of the parameters: "string", "int", "[]string", or "any".
        rest: the type of any further arguments, or "" for none.
    """

    __slots__ = ("call", "params", "rest")

    def __init__(self, call: Callable[..., object], params: tuple[str, ...], rest: str = "") -> None:
        self.call = call
        self.params = params
        self.rest = rest


def _print(*args: object) -> str:
    from .printing import sprint

    return sprint(args)


def _println(*args: object) -> str:
    from .printing import sprintln

    return sprintln(args)


def _printf(form: str, *args: object) -> str:
    from .printf import sprintf

    return sprintf(form, args)


def _plain(args: tuple[object, ...]) -> str:
    """The arguments as one text, the way an action prints them: an absent value reads <no value>."""
    from .printing import sprint

    return sprint(["<no value>" if arg is None or arg is MISSING else arg for arg in args])


def _html(*args: object) -> str:
    text = _plain(args).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace('"', "&#34;").replace("'", "&#39;").replace("\0", "\ufffd")


def _js(*args: object) -> str:
    special = {"\\": "\\\\", "'": "\\'", '"': '\\"'}
    out = []
    for char in _plain(args):
        if char in special:
            out.append(special[char])
        elif char in "<>&=" or char < " " or (char > "\x7f" and not char.isprintable()):
            out.append(f"\\u{ord(char):04X}")
        else:
            out.append(char)
    return "".join(out)


def _urlquery(*args: object) -> str:
    out = []
    for byte in to_bytes(_plain(args)):
        char = chr(byte)
        if byte < 128 and (char.isalnum() or char in "-_.~"):
            out.append(char)
        else:
            out.append("+" if char == " " else f"%{byte:02X}")
    return "".join(out)


def _json(value: object) -> str:
    from .jsontext import encode

    try:
        return encode(value)
    except TemplateError:
        # docker's json ignores the encoder's error and prints nothing.
        return ""


def _split(text: str, separator: str) -> GoSlice:
    return GoSlice(text.split(separator) if separator else list(text))


def _join(items: list[str] | GoNil, separator: str) -> str:
    return "" if isinstance(items, GoNil) else separator.join(items)


def _title(text: str) -> str:
    """Upper-cases the first letter of each word; letters, digits, _ and non-ASCII marks do not end a word."""
    out, previous = [], " "
    for char in text:
        inside = previous == "_" or previous.isalnum() or (previous > "\x7f" and not previous.isspace())
        # One character in, one out, as Go maps runes; a Georgian or digraph letter has a title case of its own.
        upper = char.title() if len(char.title()) == 1 else char
        out.append(char if inside else upper)
        previous = char
    return "".join(out)


def _lower(text: str) -> str:
    return "".join(char.lower()[0] for char in text)


def _upper(text: str) -> str:
    return "".join(char.upper() if len(char.upper()) == 1 else char for char in text)


def _pad(text: str, before: int, after: int) -> str:
    if not text:
        return text
    if before < 0 or after < 0:
        raise TemplateError("strings: negative Repeat count")
    if max(before, after) > MAX_REPEAT:
        raise TemplateError(f"padding over {MAX_REPEAT}")
    return " " * before + text + " " * after


def _truncate(text: str, size: int) -> str:
    """The first bytes of a text."""
    data = to_bytes(text)
    if len(data) < size:
        return text
    if size < 0:
        raise TemplateError(f"runtime error: slice bounds out of range [:{size}]")
    return to_text(data[:size])


def _and_or(first: object, *_: object) -> object:
    """and, or: the evaluator works them out itself, for they stop at the first argument that decides."""
    return first


def _not(value: object) -> bool:
    return not is_true(value)


FUNCTIONS: dict[str, Function] = {
    "and": Function(_and_or, ("any",), "any"),
    "or": Function(_and_or, ("any",), "any"),
    "not": Function(_not, ("any",)),
    "call": Function(call, ("any",), "any"),
    "index": Function(index, ("any",), "any"),
    "slice": Function(slice_of, ("any",), "any"),
    "len": Function(length, ("any",)),
    "print": Function(_print, (), "any"),
    "println": Function(_println, (), "any"),
    "printf": Function(_printf, ("string",), "any"),
    "html": Function(_html, (), "any"),
    "js": Function(_js, (), "any"),
    "urlquery": Function(_urlquery, (), "any"),
    "json": Function(_json, ("any",)),
    "split": Function(_split, ("string", "string")),
    "join": Function(_join, ("[]string", "string")),
    "title": Function(_title, ("string",)),
    "lower": Function(_lower, ("string",)),
    "upper": Function(_upper, ("string",)),
    "pad": Function(_pad, ("string", "int", "int")),
    "truncate": Function(_truncate, ("string", "int")),
    **{
        name: Function(function, ("any",), "any") if name == "eq" else Function(function, ("any", "any"))
        for name, function in COMPARISONS.items()
    },
}
