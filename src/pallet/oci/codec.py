"""JSON in and out, typed and checked, in one place."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from pallet.digest import Digest
from pallet.errors import InvalidInput

T = TypeVar("T")


def _from_json(expected: type, value: object) -> object:
    if expected is Digest and isinstance(value, str):
        return Digest.parse(value)
    raise NotImplementedError(f"no way to decode {expected}")


def _to_json(value: object) -> object:
    if isinstance(value, Digest):
        return str(value)
    raise NotImplementedError(f"no way to encode {type(value)}")


def decode(raw: bytes | str, expected: type[T], what: str) -> T:
    """Decode JSON into a typed value; unknown fields are ignored.

    Args:
        raw: the JSON text.
        expected: the msgspec type to make.
        what: the document's name for the error text.

    Raises:
        InvalidInput: not JSON, or a field of the wrong type.
    """
    try:
        return msgspec.json.decode(raw, type=expected, dec_hook=_from_json)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"{what} is not valid: {error}") from error


def decode_object(raw: bytes, what: str) -> dict[str, Any]:
    """Decode a JSON object into a dict, for code that must keep fields it does not know.

    Raises:
        InvalidInput: not a JSON object.
    """
    return decode(raw, dict[str, Any], what)


def to_json_object(value: msgspec.Struct) -> dict[str, Any]:
    """A value as the JSON object that `encode` would write."""
    plain: dict[str, Any] = msgspec.to_builtins(value, enc_hook=_to_json)
    return plain


def encode(value: object) -> bytes:
    """Encode a value as compact JSON."""
    return msgspec.json.encode(value, enc_hook=_to_json)
