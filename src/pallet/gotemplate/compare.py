"""eq, ne, lt, le, gt, ge.

Source: the documentation of Go's text/template: basic kinds compare with their own kind, whole numbers whatever their
sign; eq takes several right-hand sides. Texts as docker 20.10 prints them.
"""

from __future__ import annotations

from pallet.errors import TemplateError

from .values import GoNil, GoStruct, kind_of, to_bytes, type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_BASIC = frozenset(("bool", "int", "float", "complex", "string"))


def _kind(value: object) -> str:
    kind = kind_of(value)
    return "int" if kind == "uint" else kind


def _comparable(value: object) -> bool:
    """Whether Go can compare it: no slice, no map, no struct that holds one; pointers are."""
    if isinstance(value, GoStruct):
        return value.pointer or all(map(_comparable, value.values()))
    return kind_of(value) not in ("slice", "map")


def _check_comparable(value: object) -> None:
    if not _comparable(value):
        from .printing import describe

        # docker 20.10 (Go 1.19) prints the value and the type the wrong way round; scripts see that text.
        raise TemplateError(f"non-comparable type {describe(value)}: {type_name(value)}")


def eq(left: object, *rights: object) -> bool:
    """Whether the first argument equals any of the others.

    Raises:
        TemplateError: kinds that do not compare, or nothing to compare with.
    """
    _check_comparable(left)
    if not rights:
        raise TemplateError("missing argument for comparison")
    kind = _kind(left)
    for right in rights:
        other = _kind(right)
        if kind != other:
            if kind != "invalid" and other != "invalid" and (kind in _BASIC or other in _BASIC):
                raise TemplateError("incompatible types for comparison")
            if isinstance(left, GoNil) and isinstance(right, GoNil) and left.go_type == right.go_type:
                return True
            continue
        if kind not in _BASIC and kind != "invalid":
            _check_comparable(right)
        if isinstance(left, GoStruct) and left.pointer:
            equal = left is right
        else:
            equal = left == right
        if equal or (kind == "invalid" and other == "invalid"):
            return True
    return False


def ne(left: object, right: object) -> bool:
    """Whether two values differ."""
    return not eq(left, right)


def lt(left: object, right: object) -> bool:
    """Whether the first value is less. Strings compare by their bytes.

    Raises:
        TemplateError: kinds without an order, or of two kinds.
    """
    kind, other = _kind(left), _kind(right)
    if kind not in _BASIC or other not in _BASIC:
        raise TemplateError("invalid type for comparison")
    if kind != other:
        raise TemplateError("incompatible types for comparison")
    if isinstance(left, str) and isinstance(right, str):
        return to_bytes(left) < to_bytes(right)
    if isinstance(left, bool) or not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
        raise TemplateError("invalid type for comparison")
    return left < right


def le(left: object, right: object) -> bool:
    """Less or equal."""
    return lt(left, right) or eq(left, right)


def gt(left: object, right: object) -> bool:
    """Greater."""
    return not le(left, right)


def ge(left: object, right: object) -> bool:
    """Greater or equal."""
    return not lt(left, right)


COMPARISONS: dict[str, Callable[..., object]] = {"eq": eq, "ne": ne, "lt": lt, "le": le, "gt": gt, "ge": ge}
