"""Looking up a field: of a struct, a map, or an object that works its fields out.

Source: the documentation of Go's text/template (arguments); error texts as docker 20.10 prints them.
"""

from __future__ import annotations

from .durations import DURATION, duration_method
from .quoting import quote
from .values import MISSING, GoInt, GoNil, GoStruct, element_type, key_type, kind_of, type_name, zero_of


class FieldError(Exception):
    """A field cannot be had; the message is Go's."""


def lookup(receiver: object, name: str, boxed: bool, missing_key: str, has_args: bool) -> object:
    """A field's value; MISSING for an absent map entry, if that is allowed.

    Args:
        receiver: what is asked for the field.
        name: the field.
        boxed: whether the receiver was found in plain JSON data, which types its elements interface {}.
        missing_key: "default", "zero" or "error".
        has_args: whether the template gives arguments, which only a method may take.

    Raises:
        FieldError: there is no such field.
    """
    if receiver is MISSING:
        if missing_key == "error":
            raise FieldError(f"nil data; no entry for key {quote(name)}")
        return MISSING
    if receiver is None:
        raise FieldError(f"nil pointer evaluating interface {{}}.{name}")
    if isinstance(receiver, GoStruct):
        if name in receiver:
            if has_args:
                raise FieldError(f"{name} has arguments but cannot be invoked as function")
            return receiver[name]
    elif kind_of(receiver) == "map":
        if key_type(receiver) == "string":
            return _entry(receiver, name, missing_key, has_args)
    elif isinstance(receiver, GoNil) and kind_of(receiver) == "ptr":
        raise FieldError(f"nil pointer evaluating {receiver.go_type}.{name}")
    elif isinstance(receiver, GoInt) and receiver.go_type == DURATION:
        try:
            return duration_method(receiver, name)
        except KeyError:
            pass
    elif hasattr(receiver, "__go_field__"):
        try:
            found: object = receiver.__go_field__(name)
        except KeyError:
            pass
        else:
            return found
    raise FieldError(f"can't evaluate field {name} in type {'interface {}' if boxed else type_name(receiver)}")


def _entry(receiver: object, name: str, missing_key: str, has_args: bool) -> object:
    if has_args:
        raise FieldError(f"{name} is not a method but has arguments")
    if isinstance(receiver, dict) and name in receiver:
        found: object = receiver[name]
        return found
    if missing_key == "error":
        raise FieldError(f"map has no entry for key {quote(name)}")
    return zero_of(element_type(receiver)) if missing_key == "zero" else MISSING
