"""Go's fmt: Sprint, Sprintln, and Sprintf with its verbs, flags and complaints.

Source: the documentation of Go's fmt; what `docker image inspect --format` 20.10 prints.
"""

from __future__ import annotations

from pallet.errors import TemplateError

from .durations import DURATION, duration_text
from .scalars import Flags, format_bool, format_complex, format_float, format_int, format_string, pad
from .values import MISSING, GoInt, GoNil, GoStruct, kind_of, type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_NUMBER = 1_000_000
"""The largest width or precision (Go's own limit)."""
MAX_TEXT = 64 << 20
"""The most text, in characters, that one call makes."""
MAX_NESTING = 200
"""How deep values are followed."""


class Output:
    """Text that grows up to MAX_TEXT."""

    __slots__ = ("parts", "size")

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.size = 0

    def write(self, text: str) -> None:
        """Adds text.

        Raises:
            TemplateError: there is too much of it.
        """
        self.size += len(text)
        if self.size > MAX_TEXT:
            raise TemplateError("template output is too large")
        self.parts.append(text)

    def __str__(self) -> str:
        return "".join(self.parts)


def sprint(args: Sequence[object]) -> str:
    """The values side by side, with a space between two neither of which is a string."""
    if len(args) == 1 and type(args[0]) is str:
        return args[0]
    out, flags = Output(), Flags()
    for index, value in enumerate(args):
        if index and kind_of(value) != "string" and kind_of(args[index - 1]) != "string":
            out.write(" ")
        print_value(out, value, "v", flags, 0)
    return str(out)


def sprintln(args: Sequence[object]) -> str:
    """The values with spaces between them and a newline at the end."""
    out, flags = Output(), Flags()
    for index, value in enumerate(args):
        if index:
            out.write(" ")
        print_value(out, value, "v", flags, 0)
    out.write("\n")
    return str(out)


def print_value(out: Output, value: object, verb: str, flags: Flags, depth: int) -> None:
    """Writes one value under a verb; containers apply it to what they hold."""
    if depth > MAX_NESTING:
        raise TemplateError("value nests too deep to print")
    if value is None or value is MISSING:
        if verb in "vT":
            out.write(pad("interface {}(nil)" if flags.sharp_v and depth else "<nil>", flags))
        else:
            _bad_verb(out, value, verb, flags)
    elif verb == "T":
        out.write(pad(type_name(value), flags))
    elif verb == "w":
        # Only Errorf has %w.
        _bad_verb(out, value, verb, flags)
    elif isinstance(value, dict):
        _print_entries(out, value, verb, flags, depth)
    elif isinstance(value, (list, tuple)):
        _print_items(out, value, verb, flags, depth)
    elif isinstance(value, GoNil):
        _print_nil(out, value, verb, flags)
    else:
        text = _scalar(value, verb, flags)
        if text is None:
            _bad_verb(out, value, verb, flags)
        else:
            out.write(text)


def _scalar(value: object, verb: str, flags: Flags) -> str | None:
    if isinstance(value, str):
        return format_string(value, verb, flags)
    if isinstance(value, bool):
        return format_bool(value, flags) if verb in "tv" else None
    if isinstance(value, GoInt) and value.go_type == DURATION and verb in "vsqxX" and not flags.sharp_v:
        return format_string(duration_text(value), verb, flags)
    if isinstance(value, int):
        return format_int(value, verb, flags, unsigned=kind_of(value) == "uint")
    if isinstance(value, float):
        return format_float(value, verb, flags)
    if isinstance(value, complex):
        return format_complex(value, verb, flags)
    return format_string(str(value), verb, flags)


def _bad_verb(out: Output, value: object, verb: str, flags: Flags) -> None:
    out.write(f"%!{verb}(")
    if value is None or value is MISSING:
        out.write("<nil>")
    else:
        out.write(f"{type_name(value)}=")
        # Go keeps the verb's flags for the value it complains of, and asks none for its String.
        print_value(out, int(value) if isinstance(value, GoInt) else value, "v", flags, 0)
    out.write(")")


def _print_nil(out: Output, value: GoNil, verb: str, flags: Flags) -> None:
    kind = kind_of(value)
    if flags.sharp_v:
        out.write(f"({value.go_type})(nil)" if kind in ("ptr", "func") else f"{value.go_type}(nil)")
    elif kind in ("slice", "map") and verb != "p":
        out.write("[]" if kind == "slice" else "map[]")
    elif verb == "v":
        out.write(pad("<nil>", flags))
    elif verb in "bodxX":
        # A nil pointer is the address 0.
        out.write(format_int(0, verb, flags) or "")
    else:
        out.write(f"%!{verb}({value.go_type}={pad('<nil>', flags)})")


def _print_items(out: Output, value: list[object] | tuple[object, ...], verb: str, flags: Flags, depth: int) -> None:
    if verb == "p":
        return _bad_verb(out, value, verb, flags)
    out.write(f"{type_name(value)}{{" if flags.sharp_v else "[")
    for index, item in enumerate(value):
        if index:
            out.write(", " if flags.sharp_v else " ")
        print_value(out, item, verb, flags, depth + 1)
    out.write("}" if flags.sharp_v else "]")
    return None


def _print_entries(out: Output, value: dict[str, object], verb: str, flags: Flags, depth: int) -> None:
    if verb == "p":
        return _bad_verb(out, value, verb, flags)
    names: list[str] = list(value)
    if isinstance(value, GoStruct):
        if value.pointer and depth:
            # Go prints a nested pointer as its address.
            out.write(f"({type_name(value)})({id(value):#x})" if flags.sharp_v else f"{id(value):#x}")
            return None
        head = ("&" if value.pointer else "") + (value.go_type if flags.sharp_v else "") + "{"
        labels = flags.sharp_v or flags.plus_v
    else:
        names.sort(key=str)
        head = f"{type_name(value)}{{" if flags.sharp_v else "map["
        labels = True
    out.write(head)
    for index, name in enumerate(names):
        if index:
            out.write(", " if flags.sharp_v else " ")
        if labels:
            if isinstance(value, GoStruct):
                out.write(name)
            else:
                print_value(out, name, verb, flags, depth + 1)
            out.write(":")
        print_value(out, value[name], verb, flags, depth + 1)
    out.write("]" if head == "map[" else "}")
    return None


def describe(value: object) -> str:
    """A value as an error message shows it (%v)."""
    out = Output()
    print_value(out, value, "v", Flags(), 0)
    text = str(out)
    return text if len(text) <= 1000 else text[:1000] + "..."
