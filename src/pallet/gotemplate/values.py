"""How Python values stand for Go values in a template.

Plain Python data stands for decoded JSON: a dict is `map[string]interface {}`, a list `[]interface {}`, None the nil
interface. Where docker runs a template on a typed Go value, these classes carry what Python's own types cannot: the
struct's type and field order (`GoStruct`), the element type of a slice or map (`GoSlice`, `GoMap`), and a nil that has
a type (`GoNil`). Any object with `__go_field__(name)` may stand for a pointer to a struct whose fields are worked out
only when a template asks; a field that is callable is a method.

Source: Go 1.19's reflect kinds, as docker 20.10's `image inspect --format` shows them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class GoStruct(dict[str, object]):
    """A Go struct: named fields in order.

    Args:
        go_type: the type as Go's %T prints it, without a pointer's star, such as "types.RootFS".
        fields: Go's field names and their values, in the order of the declaration.
        tags: the json tag of a field where it is not the field's own name: "Id", "Variant,omitempty" or "-".
        pointer: whether this is a pointer to the struct (`&{...}` in printf's %v, its address inside other values).
    """

    __slots__ = ("go_type", "pointer", "tags")

    def __init__(
        self,
        go_type: str,
        fields: Mapping[str, object],
        *,
        tags: Mapping[str, str] | None = None,
        pointer: bool = False,
    ) -> None:
        super().__init__(fields)
        self.go_type = go_type
        self.tags = dict(tags) if tags else {}
        self.pointer = pointer


class GoSlice(list[object]):
    """A slice with an element type.

    Args:
        items: the elements.
        go_type: the slice's type, such as "[]string".
    """

    __slots__ = ("go_type",)

    def __init__(self, items: Iterable[object] = (), go_type: str = "[]string") -> None:
        super().__init__(items)
        self.go_type = go_type


class GoMap(dict[str, object]):
    """A map from strings with a value type.

    Args:
        entries: the map's entries.
        go_type: the map's type, such as "map[string]string".
    """

    __slots__ = ("go_type",)

    def __init__(self, entries: Mapping[str, object] | None = None, go_type: str = "map[string]string") -> None:
        super().__init__(entries or {})
        self.go_type = go_type


class GoNil:
    """A nil slice, map or pointer: it prints as `[]`, `map[]` or `<nil>`, and as null in JSON.

    Args:
        go_type: the type of the nil, such as "[]string", "map[string]string" or "*container.HealthConfig".
        kind: "slice", "map" or "ptr", where the type has a name that does not tell: "nat.PortSet" is a map.
    """

    __slots__ = ("go_type", "kind")

    def __init__(self, go_type: str, kind: str = "") -> None:
        self.go_type = go_type
        self.kind = kind or {"[": "slice", "m": "map", "f": "func"}.get(go_type[:1], "ptr")

    def __len__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return f"GoNil({self.go_type!r})"


class GoInt(int):
    """A whole number of a Go type other than int.

    Args:
        value: the number.
        go_type: such as "int64" or "uint8".
    """

    go_type: str

    def __new__(cls, value: int, go_type: str = "int64") -> GoInt:
        self = super().__new__(cls, value)
        self.go_type = go_type
        return self


class GoJsonNumber(str):
    """A number kept as its JSON text (json.Number): of string kind, as docker's fallback to raw JSON decodes it."""

    __slots__ = ()


_NAMED = {
    "nat.PortSet": ("nat.Port", "struct {}"),
    "nat.PortMap": ("nat.Port", "[]nat.PortBinding"),
    "strslice.StrSlice": ("int", "string"),
}
"""docker's named container types: the types of their keys and elements."""


class Missing:
    """The type of MISSING."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<no value>"

    def __bool__(self) -> bool:
        return False


MISSING = Missing()
"""No value at all (Go's invalid reflect.Value): a map's missing entry. Not the same as nil, which is a value."""


def kind_of(value: object) -> str:
    """The kind of a value: invalid, bool, int, uint, float, complex, string, slice, map, struct, ptr, func."""
    if isinstance(value, str):
        return "string"
    if value is None or value is MISSING:
        return "invalid"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "uint" if isinstance(value, GoInt) and value.go_type.startswith("uint") else "int"
    if isinstance(value, GoStruct):
        return "struct"
    if isinstance(value, dict):
        return "map"
    if isinstance(value, (list, tuple)):
        return "slice"
    if isinstance(value, float):
        return "float"
    if isinstance(value, complex):
        return "complex"
    if isinstance(value, GoNil):
        return value.kind
    if hasattr(value, "__go_field__"):
        return "struct"
    return "func" if callable(value) else "struct"


def type_name(value: object) -> str:
    """The type of a value as Go's %T prints it."""
    if isinstance(value, GoJsonNumber):
        return "json.Number"
    if isinstance(value, str):
        return "string"
    if value is None or value is MISSING:
        return "<nil>"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, GoStruct):
        return f"*{value.go_type}" if value.pointer else value.go_type
    if isinstance(value, (GoSlice, GoMap, GoNil, GoInt)):
        return value.go_type
    if isinstance(value, int):
        return "int"
    if isinstance(value, dict):
        return "map[string]interface {}"
    if isinstance(value, (list, tuple)):
        return "[]interface {}"
    if isinstance(value, float):
        return "float64"
    if isinstance(value, complex):
        return "complex128"
    name = getattr(value, "__go_type__", None)
    if isinstance(name, str):
        return name
    return "func()" if callable(value) else f"*{type(value).__name__}"


def element_type(value: object) -> str:
    """The element type of a slice or map: "string" of "map[string]string"; "interface {}" for plain Python data; ""
    where the type's name does not tell."""
    name = type_name(value)
    return _NAMED[name][1] if name in _NAMED else name.partition("]")[2]


def key_type(value: object) -> str:
    """The key type of a map."""
    name = type_name(value)
    return _NAMED[name][0] if name in _NAMED else "string"


def is_interface_element(value: object) -> bool:
    """Whether what a container holds is typed interface {}: Go's errors then name that type, not the value's own."""
    return kind_of(value) in ("map", "slice") and element_type(value) == "interface {}"


def zero_of(go_type: str) -> object:
    """The zero value of a type, for the entry a typed map does not have."""
    if go_type == "string":
        return ""
    if go_type == "bool":
        return False
    if go_type.startswith(("int", "uint")) and not go_type.startswith("interface"):
        return 0 if go_type == "int" else GoInt(0, go_type)
    if go_type == "float64":
        return 0.0
    if go_type.startswith(("[]", "map[", "*")):
        return GoNil(go_type)
    if go_type.startswith("struct"):
        return GoStruct(go_type, {})
    return None


def is_true(value: object) -> bool:
    """Go's truth: not the zero value of its type; a struct is always true."""
    if isinstance(value, GoStruct):
        return True
    if isinstance(value, (str, int, float, complex, dict, list, tuple)):
        return bool(value)
    return not (value is None or value is MISSING or isinstance(value, GoNil))


def to_bytes(text: str) -> bytes:
    """A Go string's bytes. Bytes that are no UTF-8 travel as lone surrogates (PEP 383); other lone surrogates become
    U+FFFD."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        lone = {char for char in text if "\ud800" <= char <= "\udfff" and not "\udc80" <= char <= "\udcff"}
        fixed = "".join("\ufffd" if char in lone else char for char in text)
        return fixed.encode("utf-8", "surrogateescape")


def to_text(data: bytes) -> str:
    """A Go string from its bytes; see to_bytes."""
    return data.decode("utf-8", "surrogateescape")
