"""What load and import take: paths, files, bytes, pieces."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pallet.errors import HostError, InvalidInput
from pallet.sdk import inputs

_NO_PROXIES = ("", "", "")


@settings(deadline=None)
@given(st.lists(st.binary(max_size=20), max_size=10), st.integers(1, 30))
def test_pieces_read_as_one_file(pieces: list[bytes], size: int) -> None:
    file = inputs.Chunks(pieces)
    got = []
    while data := file.read(size):
        assert len(data) <= size
        got.append(data)
    assert b"".join(got) == b"".join(pieces)


class OnlyRead:
    """As a download is: `read`, and nothing else."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, size: int, /) -> bytes:
        return self._file.read(size)


@pytest.mark.parametrize(
    "data",
    [b"abc", io.BytesIO(b"abc"), OnlyRead(b"abc"), [b"a", b"", b"bc"], iter([b"ab", b"c"])],
    ids=["bytes", "file", "read", "list", "iterator"],
)
def test_every_kind_of_data_reads_the_same(data: inputs.Data) -> None:
    file = inputs.archive(data)
    assert not isinstance(file, str)
    assert b"".join(iter(lambda: file.read(10), b"")) == b"abc"


def test_a_path_of_an_archive_stays_a_path(tmp_path: Path) -> None:
    assert inputs.archive(tmp_path) == str(tmp_path)


def test_what_is_opened_here_is_closed_here(tmp_path: Path) -> None:
    path = tmp_path / "tar"
    path.write_bytes(b"abc")
    with inputs.tar(path, _NO_PROXIES) as opened:
        assert opened.read(10) == b"abc"
    with pytest.raises(ValueError, match="closed"):
        opened.read(1)
    with path.open("rb") as own:
        with inputs.tar(own, _NO_PROXIES) as given:
            assert given.read(10) == b"abc"
        assert not own.closed


def test_bad_inputs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="binary mode"):
        inputs.archive(io.StringIO("abc"))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        inputs.archive(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        inputs.tar(None, _NO_PROXIES)  # type: ignore[arg-type]
    with pytest.raises(HostError, match="no such file or directory"):
        inputs.tar(tmp_path / "absent", _NO_PROXIES)
    with pytest.raises(InvalidInput, match="unsupported URL"):
        inputs.tar("ftp://example.com/x.tar", _NO_PROXIES)
