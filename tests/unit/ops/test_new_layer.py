"""A layer's blob is deflated by several threads: one member of gzip, the same bytes however it was written."""

from __future__ import annotations

import gzip
import io
import random
import shutil
import subprocess
import zlib
from hashlib import sha256
from pathlib import Path

import pytest

from pallet.digest import Digest
from pallet.layer.compress import Compressor, decompressor
from pallet.layer.pieces import PIECE
from pallet.ops.new_layer import LayerWriter
from pallet.store.blobs import Blobs


def _content(size: int) -> bytes:
    """Some that compresses, some that does not."""
    noise = random.Random(size)  # noqa: S311
    half = noise.randbytes(size // 2)
    return half + bytes(size - len(half))


def _written(directory: Path, content: bytes, step: int) -> bytes:
    blobs = Blobs(str(directory))
    with LayerWriter(blobs) as writer:
        for at in range(0, len(content), step):
            writer.write(memoryview(content)[at : at + step])
        layer = writer.finish()
    assert layer.diff_id == Digest.of(content)
    with blobs.open(layer.descriptor.digest) as file:
        blob = file.read()
    assert (len(blob), sha256(blob).hexdigest()) == (layer.descriptor.size, layer.descriptor.digest.hex)
    return blob


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 12 * PIECE + 345])
def test_any_reader_reads_it(tmp_path: Path, size: int) -> None:
    content = _content(size)
    blob = _written(tmp_path, content, 100_000)
    assert gzip.decompress(blob) == content
    one = zlib.decompressobj(31)
    assert one.decompress(blob) == content
    assert (one.eof, one.unused_data) == (True, b"")  # a single member
    stream = decompressor(io.BytesIO(blob))
    assert b"".join(iter(lambda: stream.read(70_000), b"")) == content
    program = shutil.which("gzip")
    assert program is not None
    assert subprocess.run([program, "-dc"], input=blob, capture_output=True, check=True).stdout == content


def test_the_bytes_depend_on_the_content_alone(tmp_path: Path) -> None:
    content = _content(5 * PIECE + 17)
    out = io.BytesIO()
    compressor = Compressor("gzip", out)
    compressor.write(content)
    compressor.close()
    for step in (4096, PIECE, 3 * PIECE + 1):
        assert _written(tmp_path / str(step), content, step) == out.getvalue()


def test_what_is_not_finished_is_dropped(tmp_path: Path) -> None:
    blobs = Blobs(str(tmp_path))
    with pytest.raises(KeyError), LayerWriter(blobs) as writer:
        writer.write(_content(3 * PIECE))
        raise KeyError
    assert (blobs.all(), blobs.partials()) == ([], [])
