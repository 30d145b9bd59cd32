"""Compression: found by content, inflated in bounded pieces, ends told from truncation."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.layer.support import Tar

from pallet.errors import Integrity, Unsupported
from pallet.layer.compress import Compression, Compressor, Readable, decompressor, detect

_DATA = os.urandom(300_000) + b"compressible " * 50_000
_SKIPPABLE_FRAME = b"\x53\x2a\x4d\x18\x05\x00\x00\x00hello"


def _zstd_stream(data: bytes) -> bytes:
    stream = zstandard.ZstdCompressor().compressobj()  # the frame's header holds no size
    return stream.compress(data) + stream.flush()


_WRITERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "zstd with checksum": zstandard.ZstdCompressor(write_checksum=True).compress,
    "zstd stream": _zstd_stream,
}


def _all(reader: Readable, size: int) -> bytes:
    parts = []
    while part := reader.read(size):
        assert len(part) <= size
        parts.append(part)
    return b"".join(parts)


def _inflate(data: bytes, size: int = 1 << 20) -> bytes:
    return _all(decompressor(io.BytesIO(data)), size)


@pytest.mark.parametrize("size", [1000, 1 << 20])
@pytest.mark.parametrize("writer", _WRITERS)
def test_members_and_frames_are_one_stream(writer: str, size: int) -> None:
    data = _WRITERS[writer](_DATA)
    assert detect(data) == writer.split()[0]
    assert _inflate(data, size) == _DATA
    assert _inflate(data + _WRITERS[writer](b"more") + data, size) == _DATA + b"more" + _DATA


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 7, 100, 200_000])
@pytest.mark.parametrize("writer", _WRITERS)
def test_truncation_is_an_error(writer: str, cut: int) -> None:
    with pytest.raises(Integrity, match=f"{writer.split()[0]} data ends too early"):
        _inflate(_WRITERS[writer](_DATA)[:-cut])


@pytest.mark.parametrize("writer", ["gzip", "xz", "bzip2", "zstd with checksum"])
def test_damage_is_an_error(writer: str) -> None:
    data = bytearray(_WRITERS[writer](_DATA))
    data[len(data) // 2] ^= 0x55
    with pytest.raises(Integrity, match="data is damaged"):
        _inflate(bytes(data))


@pytest.mark.parametrize("writer", ["gzip", "zstd"])
def test_what_follows_must_be_compressed_too(writer: str) -> None:
    with pytest.raises(Integrity):
        _inflate(_WRITERS[writer](_DATA) + b"garbage, and enough of it")


def test_gzip_may_be_padded_with_zeros() -> None:
    padded = gzip.compress(b"a") + bytes(1_000_000)
    assert _inflate(padded) == b"a"
    assert _inflate(padded + gzip.compress(b"b")) == b"ab"


def test_skippable_frames_are_skipped() -> None:
    frame = zstandard.compress(b"data")
    assert _inflate(_SKIPPABLE_FRAME + frame + _SKIPPABLE_FRAME + frame) == b"datadata"
    with pytest.raises(Integrity, match="ends too early"):
        _inflate(frame + _SKIPPABLE_FRAME[:-1])


@pytest.mark.parametrize("data", [b"", b"a", b"\x1f\x8b", b"#!/bin/sh\n" * 1000])
def test_the_rest_is_taken_as_it_is(data: bytes) -> None:
    assert detect(data) == "none"
    assert _inflate(data, 3) == data


def test_a_tar_is_no_bzip2_because_of_its_first_name() -> None:
    data = Tar().file("BZh91AY").bytes()
    assert detect(data) == "none"
    assert _inflate(data) == data


def test_the_content_decides_but_encryption_cannot_be_undone() -> None:
    source = io.BytesIO(gzip.compress(b"x"))
    assert _all(decompressor(source, "application/vnd.oci.image.layer.v1.tar+zstd"), 10) == b"x"
    with pytest.raises(Unsupported, match="encrypted"):
        decompressor(io.BytesIO(b""), "application/vnd.oci.image.layer.v1.tar+gzip+encrypted")


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
@given(parts=st.lists(st.binary(max_size=2000), max_size=6))
def test_what_is_compressed_comes_back(kind: Compression, parts: list[bytes]) -> None:
    assert kind in ("gzip", "zstd")
    results = []
    for chunks in (parts, [bytearray(part) for part in parts]):
        out = io.BytesIO()
        compressor = Compressor(kind, out)
        for chunk in chunks:
            compressor.write(chunk)
        compressor.close()
        results.append(out.getvalue())
    assert results[0] == results[1]
    assert _inflate(results[0]) == b"".join(parts)
    if kind == "gzip":
        assert results[0][4:8] == bytes(4)  # no time
        assert gzip.decompress(results[0]) == b"".join(parts)
