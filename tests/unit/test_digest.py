"""Digests: what is accepted, and what they say of themselves."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pallet.digest import Digest
from pallet.errors import InvalidDigest


@given(st.binary(max_size=200))
def test_of_bytes(data: bytes) -> None:
    digest = Digest.of(data)
    assert digest == "sha256:" + hashlib.sha256(data).hexdigest()
    assert Digest.parse(digest) == digest
    assert digest.hex == hashlib.sha256(data).hexdigest()
    assert digest.short == digest.hex[:12]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256",
        "sha256:",
        "a" * 64,
        "sha256:" + "a" * 63,
        "sha256:" + "a" * 65,
        "sha256:" + "A" * 64,
        "sha256:" + "g" * 64,
        "sha256:" + "../" * 21 + "a",
        "sha512:" + "a" * 128,
        "md5:" + "a" * 32,
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(InvalidDigest):
        Digest.parse(text)
