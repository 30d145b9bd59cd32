"""index, slice, len and call.

Source: the documentation of Go's text/template; texts as docker 20.10 prints them.
"""

from __future__ import annotations

from pallet.errors import TemplateError

from .values import (
    MISSING,
    GoInt,
    GoMap,
    GoNil,
    GoSlice,
    GoStruct,
    element_type,
    key_type,
    kind_of,
    to_bytes,
    to_text,
    type_name,
    zero_of,
)


def _position(value: object, size: int) -> int:
    """An index argument checked against a size.

    Raises:
        TemplateError: no whole number, or outside 0..size.
    """
    if value is None or value is MISSING:
        raise TemplateError("cannot index slice/array with nil")
    if not isinstance(value, int) or isinstance(value, bool):
        raise TemplateError(f"cannot index slice/array with type {type_name(value)}")
    if not 0 <= value <= size:
        raise TemplateError(f"index out of range: {int(value)}")
    return int(value)


def index(item: object, *keys: object) -> object:
    """What a slice, string or map holds at a key, then at the next key inside that, and so on.

    Raises:
        TemplateError: no such position, a key of the wrong type, or a value that has no keys.
    """
    if item is None or item is MISSING:
        raise TemplateError("index of untyped nil")
    for key in keys:
        if item is None or kind_of(item) == "ptr":
            raise TemplateError("index of nil pointer")
        if isinstance(item, str):
            data = to_bytes(item)
            at = _position(key, len(data))
            if at == len(data):
                raise TemplateError("reflect: string index out of range")
            item = GoInt(data[at], "uint8")
        elif kind_of(item) == "slice":
            items = item if isinstance(item, (list, tuple)) else ()
            at = _position(key, len(items))
            if at == len(items):
                raise TemplateError("reflect: slice index out of range")
            item = items[at]
        elif kind_of(item) == "map":
            item = _entry(item, key)
        else:
            raise TemplateError(f"can't index item of type {type_name(item)}")
    return item


def _entry(item: object, key: object) -> object:
    if key is None or key is MISSING:
        raise TemplateError(f"value is nil; should be of type {key_type(item)}")
    if type_name(key) != key_type(item):
        raise TemplateError(f"value has type {type_name(key)}; should be {key_type(item)}")
    if isinstance(item, dict) and key in item:
        found: object = item[key]
        return found
    return zero_of(element_type(item))


def slice_of(item: object, *bounds: object) -> object:
    """Part of a slice or string: from, to, and for slices the capacity.

    Raises:
        TemplateError: bounds out of range or order, or a value that has no parts.
    """
    if item is None or item is MISSING:
        raise TemplateError("slice of untyped nil")
    if len(bounds) > 3:
        raise TemplateError(f"too many slice indexes: {len(bounds)}")
    data: bytes | list[object]
    if isinstance(item, str):
        if len(bounds) == 3:
            raise TemplateError("cannot 3-index slice a string")
        data = to_bytes(item)
    elif kind_of(item) == "slice":
        data = list(item) if isinstance(item, (list, tuple)) else []
    else:
        raise TemplateError(f"can't slice item of type {type_name(item)}")
    ends = [_position(bound, len(data)) for bound in bounds]
    if len(ends) > 1 and ends[0] > ends[1]:
        raise TemplateError(f"invalid slice index: {ends[0]} > {ends[1]}")
    if len(ends) > 2 and ends[1] > ends[2]:
        raise TemplateError(f"invalid slice index: {ends[1]} > {ends[2]}")
    part = data[slice(*(ends + [len(data)] * (2 - len(ends)))[:2])] if ends else data
    return to_text(part) if isinstance(part, bytes) else GoSlice(part, type_name(item))


def length(item: object) -> int:
    """The number of elements, entries, or bytes of a string.

    Raises:
        TemplateError: the value has no length.
    """
    if isinstance(item, str):
        return len(to_bytes(item))
    if isinstance(item, GoStruct):
        raise TemplateError(f"len of type {item.go_type}")
    if isinstance(item, (list, tuple, dict, GoMap)):
        return len(item)
    if item is None or item is MISSING:
        raise TemplateError("reflect: call of reflect.Value.Type on zero Value")
    if isinstance(item, GoNil):
        if kind_of(item) == "ptr":
            raise TemplateError("len of nil pointer")
        return 0
    raise TemplateError(f"len of type {type_name(item)}")


def call(function: object, *args: object) -> object:
    """The result of calling a value that is a function.

    Raises:
        TemplateError: it is none.
    """
    if function is None or function is MISSING:
        raise TemplateError("call of nil")
    if not callable(function):
        raise TemplateError(f"non-function of type {type_name(function)}")
    try:
        return function(*args)
    except TypeError:
        raise TemplateError(f"wrong number of args: got {len(args)}") from None
