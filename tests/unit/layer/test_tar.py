"""The tar reader reads what others write, others read what the tar writer writes, and both agree."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.layer.support import Tar

from pallet.layer import tarformat as tf
from pallet.layer.tarread import TarReader
from pallet.layer.tarwrite import TarWriter

Entry = tuple[Any, ...]

_NAMES = {
    "short": "a",
    "exactly 100": "n" * 100,
    "101, no slash": "n" * 101,
    "prefix": "d" * 120 + "/" + "n" * 90,
    "prefix of 155": "d" * 155 + "/" + "n" * 100,
    "prefix too long": "d" * 156 + "/" + "n" * 100,
    "slash too late": "d/" + "n" * 150,
    "long": "/".join(["directory"] * 60),
    "not ASCII": "käse/ñandú-日本",
    "not UTF-8": b"latin-\xe4".decode("utf-8", "surrogateescape"),
    "newline": "new\nline = 5 x=y\n",
    "spaces": " leading and trailing ",
}


class _Trickle(io.RawIOBase):
    """Gives a few bytes a read, as a slow network does."""

    def __init__(self, data: bytes, step: int) -> None:
        self._data = io.BytesIO(data)
        self._step = step

    def read(self, size: int = -1, /) -> bytes:
        return self._data.read(min(size, self._step))


def _read(data: bytes, step: int = 1 << 20) -> list[tuple[Entry, bytes]]:
    found: list[tuple[Entry, bytes]] = []
    reader = TarReader(_Trickle(data, step))
    for entry in reader:
        parts = []
        while piece := reader.read_some():
            parts.append(bytes(piece))
        fields = (entry.name, entry.type, entry.mode, entry.uid, entry.gid, entry.size, entry.mtime)
        found.append(((*fields, entry.linkname, entry.device, entry.xattrs, entry.sparse), b"".join(parts)))
    return found


def _names(data: bytes) -> list[str]:
    return [os.fsdecode(entry[0]) for entry, _ in _read(data) if isinstance(entry[0], bytes)]


@pytest.mark.parametrize("name", _NAMES.values(), ids=_NAMES)
@pytest.mark.parametrize("tar_format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT], ids=["pax", "gnu"])
def test_names_of_other_writers(name: str, tar_format: int) -> None:
    data = Tar(tar_format).file(name, b"1").symlink("s", name).link("h", name).file("last").bytes()
    (file, content), (symlink, _), (link, _), (last, _) = _read(data)
    assert (os.fsdecode(file[0]), content) == (name, b"1")
    assert (symlink[1], os.fsdecode(symlink[7])) == (tf.SYMLINK, name)
    assert (link[1], os.fsdecode(link[7])) == (tf.HARD_LINK, name)
    assert last[0] == b"last"


def test_numbers_of_other_writers() -> None:
    for tar_format in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        data = Tar(tar_format).file("f", uid=3_000_000_000, gid=2_097_152, mtime=8_589_934_592).bytes()
        ((entry, _),) = _read(data)
        assert entry[3:5] == (3_000_000_000, 2_097_152)
        assert entry[6] == 8_589_934_592 * 10**9
    ((entry, _),) = _read(Tar(tarfile.GNU_FORMAT).file("f", mtime=-1).bytes())
    assert entry[6] == -(10**9)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1.5", 1_500_000_000),
        ("0.123456789123", 123_456_789),
        ("-1.25", -1_250_000_000),
        ("7", 7 * 10**9),
        ("3.", 3 * 10**9),
    ],
)
def test_pax_times(text: str, nanoseconds: int) -> None:
    ((entry, _),) = _read(Tar().file("f", pax_headers={"mtime": text}).bytes())
    assert entry[6] == nanoseconds


def test_xattrs_of_star_and_libarchive() -> None:
    headers = {"SCHILY.xattr.user.a": "b", "LIBARCHIVE.xattr.user.%20c": "ZA", "LIBARCHIVE.xattr.user.a": "eA"}
    ((entry, _),) = _read(Tar().file("f", pax_headers=headers).bytes())
    assert entry[9] == {b"user.a": b"b", b"user. c": b"d"}


def test_global_headers_change_nothing() -> None:
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", pax_headers={"comment": "0123", "uid": "77"}) as writer:
        writer.addfile(tarfile.TarInfo("f"))
    assert [(entry[0], entry[3]) for entry, _ in _read(tar.getvalue())] == [(b"f", 0)]


def test_how_a_tar_may_end() -> None:
    data = Tar().file("f", b"1" * 700).bytes()
    whole = _read(data)
    body = 512 + 1024
    assert _read(data[:body]) == whole  # no end-of-archive blocks
    assert _read(data[: body - 300]) == whole  # not even the padding
    assert _read(data[: body + 512]) == whole  # one block of them
    assert _read(data[: body + 1024] + b"anything at all" * 100) == whole
    assert _read(b"") == []


def test_v7_headers_name_directories_by_a_slash() -> None:
    header = bytearray(Tar(tarfile.USTAR_FORMAT).file("dir/", b"").bytes()[:512])
    header[156] = 0
    header[257:512] = bytes(255)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    ((entry, _),) = _read(bytes(header))
    assert entry[:2] == (b"dir/", tf.DIRECTORY)


def test_a_signed_checksum_is_taken() -> None:
    header = bytearray(Tar(tarfile.GNU_FORMAT).file("f\udce4", b"").bytes()[:512])
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(byte - 256 * (byte > 127) for byte in header)
    ((entry, _),) = _read(bytes(header))
    assert entry[0] == b"f\xe4"


@pytest.mark.parametrize(
    "tar_format", ["gnu", "pax --sparse-version=0.0", "pax --sparse-version=0.1", "pax --sparse-version=1.0"]
)
def test_sparse_files_of_gnu_tar(tmp_path: Path, tar_format: str) -> None:
    expected = bytearray(3 << 20)
    with (tmp_path / "sparse").open("wb") as file:
        for number in range(40):
            file.seek(number * 70_000)
            file.write(b"%05d" % number * 100)
            expected[number * 70_000 : number * 70_000 + 500] = b"%05d" % number * 100
        file.truncate(3 << 20)
    name, *options = tar_format.split()
    tar = shutil.which("tar") or "tar"
    command = [tar, "-C", str(tmp_path), "--sparse", f"--format={name}", *options, "-c", "sparse"]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    assert len(data) < 1 << 20
    for step in (1 << 20, 777):
        ((entry, stored),) = _read(data, step)
        assert entry[0] == b"sparse"
        assert entry[5] == 3 << 20
        content, at = bytearray(3 << 20), 0
        assert isinstance(entry[10], list)
        for offset, length in entry[10]:
            content[offset : offset + length] = stored[at : at + length]
            at += length
        assert content == expected


_XATTRS = st.dictionaries(
    st.text("abc.é", min_size=1, max_size=9).map(lambda name: "user." + name), st.binary(max_size=80), max_size=3
)
_NAME = st.one_of(
    st.sampled_from(list(_NAMES.values())).map(os.fsencode),
    st.binary(min_size=1, max_size=300).map(lambda name: name.replace(b"\0", b"").strip(b"/") or b"x"),
)


@st.composite
def _entries(draw: st.DrawFn) -> tuple[dict[str, object], bytes]:
    kind = draw(st.sampled_from([tf.REGULAR, tf.DIRECTORY, tf.SYMLINK, tf.HARD_LINK, tf.CHAR_DEVICE, tf.FIFO]))
    data = draw(st.binary(max_size=1500)) if kind == tf.REGULAR else b""
    fields: dict[str, object] = {
        "name": draw(_NAME) + (b"/" if kind == tf.DIRECTORY else b""),
        "type_flag": kind,
        "mode": draw(st.integers(0, 0o7777)),
        "uid": draw(st.integers(0, 2**32 - 2)),
        "gid": draw(st.sampled_from([0, 50, 2097151, 2097152, 2**32 - 2])),
        "size": len(data),
        "mtime": draw(st.integers(-(10**12), 2**63) | st.integers(0, 2**31).map(lambda second: second * 10**9)),
        "linkname": draw(_NAME) if kind in (tf.SYMLINK, tf.HARD_LINK) else b"",
        "device": draw(st.tuples(st.integers(0, 4095), st.integers(0, 2**20))) if kind == tf.CHAR_DEVICE else (0, 0),
        "xattrs": draw(_XATTRS),
    }
    return fields, data


def _write(entries: list[tuple[dict[str, object], bytes]]) -> bytes:
    out = io.BytesIO()
    writer = TarWriter(out)
    for fields, data in entries:
        writer.add(**fields)  # type: ignore[arg-type]
        writer.write(data)
    writer.close()
    return out.getvalue()


@given(st.lists(_entries(), max_size=5), st.sampled_from([1, 511, 4096, 1 << 20]))
def test_what_is_written_is_read(entries: list[tuple[dict[str, object], bytes]], step: int) -> None:
    data = _write(entries)
    assert data == _write(entries)
    assert len(data) % 512 == 0
    order = ("name", "type_flag", "mode", "uid", "gid", "size", "mtime", "linkname", "device")
    expected = []
    for fields, content in entries:
        attributes = fields["xattrs"]
        assert isinstance(attributes, dict)
        encoded = {os.fsencode(name): value for name, value in attributes.items()} or None
        expected.append(((*(fields[field] for field in order), encoded, None), content))
    assert _read(data, step) == expected


@given(st.lists(_entries(), max_size=5))
def test_the_standard_library_reads_what_is_written(entries: list[tuple[dict[str, object], bytes]]) -> None:
    with tarfile.open(fileobj=io.BytesIO(_write(entries))) as tar:
        members = tar.getmembers()
        assert len(members) == len(entries)
        for member, (fields, data) in zip(members, entries, strict=True):
            name = fields["name"]
            assert isinstance(name, bytes)
            assert os.fsencode(member.name) == name.rstrip(b"/")
            assert (member.mode, member.uid, member.gid) == (fields["mode"], fields["uid"], fields["gid"])
            assert os.fsencode(member.linkname) == fields["linkname"]
            if member.isreg():
                extracted = tar.extractfile(member)
                assert extracted is not None and extracted.read() == data


def test_gnu_tar_reads_what_is_written(tmp_path: Path) -> None:
    names = [os.fsencode(name) for name in _NAMES.values()]
    entries = [
        ({"name": name, "type_flag": tf.REGULAR, "mode": 0o640, "size": 3, "mtime": 1_500_000_000}, b"abc")
        for name in names
    ]
    tar = shutil.which("tar") or "tar"
    command = [tar, "-C", str(tmp_path), "--no-same-owner", "-x"]
    subprocess.run(command, input=_write(entries), check=True, capture_output=True)
    for name in names:
        path = tmp_path / os.fsdecode(name)
        assert path.read_bytes() == b"abc"
        assert path.stat().st_mtime_ns == 1_500_000_000


def test_plain_entries_cost_one_block() -> None:
    plain = {"name": b"d" * 120 + b"/f", "type_flag": tf.REGULAR, "mode": 0o644, "mtime": 10**9}
    assert len(_write([(plain, b"")])) == 512 + 1024
    assert len(_write([({**plain, "mtime": 1}, b"")])) == 3 * 512 + 1024
    assert _names(_write([(plain, b"")])) == ["d" * 120 + "/f"]


def test_sizes_beyond_octal_are_written_as_records() -> None:
    class Counting:
        head = b""

        def write(self, data: bytes | bytearray | memoryview, /) -> None:
            self.head += bytes(data)

    out = Counting()
    writer = TarWriter(out)
    writer.add(b"big", tf.REGULAR, mode=0o644, size=1 << 40)
    writer._flush()
    reader = TarReader(io.BytesIO(out.head))
    assert next(iter(reader)).size == 1 << 40
