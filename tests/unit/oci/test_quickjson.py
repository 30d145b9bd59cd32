"""JSON without a library, against the library."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pallet.errors import InvalidInput
from pallet.oci.quickjson import parse_object, write

_TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
_SCALARS = st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | _TEXT
_VALUES = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3))
_OBJECTS = st.dictionaries(_TEXT, _VALUES, max_size=3)


@given(_OBJECTS)
def test_written_and_read_as_msgspec_does(value: dict[str, Any]) -> None:
    compact = msgspec.json.encode(value)
    assert write(value) == compact.decode()
    assert write(value, 4) == msgspec.json.format(compact, indent=4).decode()
    assert parse_object(compact, "it") == value
    assert parse_object(b" \n" + msgspec.json.format(compact, indent=1) + b"\r\n\t", "it") == value


def test_tuples_and_fractions() -> None:
    assert write({"a": (1.5, ()), "b": {}}) == '{"a":[1.5,[]],"b":{}}'


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"{} {}", b"{'a': 1}", b"\xff", b'{"a":}', b"[" * 100_000])
def test_no_object(raw: bytes) -> None:
    with pytest.raises(InvalidInput, match="the config is not valid: "):
        parse_object(raw, "the config")


def test_only_json_is_written() -> None:
    with pytest.raises(TypeError):
        write({"a": b"bytes"})
