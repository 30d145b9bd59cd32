"""Archives made to do harm, and the ways an archive can arrive."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import os
import tarfile
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path
from typing import BinaryIO

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.archives import MadeSource, contents, copy, docker_files, files_tar
from tests.support.images import directory, entry, hardlink, image, symlink, tar

from pallet.archive.detect import open_archive
from pallet.archive.docker_writer import DockerArchiveSink
from pallet.archive.source import blob_name
from pallet.archive.tar_files import TarFiles
from pallet.archive.tar_stream import LayoutTar
from pallet.digest import Digest
from pallet.errors import HostError, InvalidInput, NotFound, PalletError, UnsafeArchive
from pallet.oci.manifest import parse_manifest

LAYER = tar([entry("etc/file", os.urandom(50_000))])
MADE = image([LAYER], compression="plain", style="docker")
GOOD = files_tar(docker_files(MADE, ["app:1"], [("layer.tar", LAYER)]))
CONFIG = MADE.config.digest[7:] + ".json"


def manifest(config: str = CONFIG, layer: str = "layer.tar") -> bytes:
    return json.dumps([{"Config": config, "RepoTags": ["app:1"], "Layers": [layer]}]).encode()


def whole(archive: bytes, directory: Path) -> dict[str, bytes]:
    with open_archive(io.BytesIO(archive), str(directory)) as opened:
        return contents(opened.images[0])


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Path]:
    """A spool directory with a secret beside it; both must be as they were."""
    place = tmp_path / "spool"
    place.mkdir()
    secret = tmp_path / "secret"
    secret.write_bytes(LAYER)
    before = os.listdir("/proc/self/fd")
    yield place
    assert list(place.iterdir()) == []
    assert list(tmp_path.iterdir()) == [place, secret] or list(tmp_path.iterdir()) == [secret, place]
    assert secret.read_bytes() == LAYER
    assert len(os.listdir("/proc/self/fd")) == len(before), "a file was left open"


BASE = [entry(CONFIG, MADE.config.data), entry("manifest.json", manifest())]
NO_PATH = "no such file or directory"
HOSTILE: dict[str, tuple[bytes, type[PalletError], str]] = {
    "dot dot": (tar([*BASE, entry("../layer.tar", LAYER)]), UnsafeArchive, "points outside"),
    "dot dot inside": (tar([*BASE, entry("a/../layer.tar", LAYER)]), UnsafeArchive, "points outside"),
    "absolute": (tar([*BASE, entry("/layer.tar", LAYER)]), UnsafeArchive, "points outside"),
    "hard link out": (tar([*BASE, hardlink("layer.tar", "../secret")]), UnsafeArchive, "points outside"),
    "hard link to nothing": (tar([*BASE, hardlink("layer.tar", "none")]), NotFound, NO_PATH),
    "link out": (tar([*BASE, symlink("layer.tar", "../../secret")]), NotFound, NO_PATH),
    "absolute link": (tar([*BASE, symlink("layer.tar", "/etc/passwd")]), NotFound, NO_PATH),
    "link loop": (tar([*BASE, symlink("layer.tar", "b"), symlink("b", "layer.tar")]), UnsafeArchive, "too many levels"),
    "link to itself": (tar([*BASE, symlink("layer.tar", "layer.tar/x")]), UnsafeArchive, "too many levels"),
    "endless link": (tar([*BASE, symlink("layer.tar", "x/" * 3000)]), UnsafeArchive, "longer than 4095"),
    "device": (tar([*BASE, entry("layer.tar", type=tarfile.CHRTYPE, device=(1, 3))]), NotFound, NO_PATH),
    "fifo": (tar([*BASE, entry("layer.tar", type=tarfile.FIFOTYPE)]), NotFound, NO_PATH),
    "directory": (tar([*BASE, directory("layer.tar")]), NotFound, NO_PATH),
    "config outside": (
        tar([entry("manifest.json", manifest("../../../../etc/passwd")), entry("layer.tar", LAYER)]),
        NotFound,
        NO_PATH,
    ),
    "long name": (tar([entry("x" * 5000), *BASE]), UnsafeArchive, "longer than 4095"),
    "long GNU name": (
        tar([entry("x" * 2_000_000), *BASE], format=tarfile.GNU_FORMAT),
        UnsafeArchive,
        "extended header in the tar is larger",
    ),
    "long PAX name": (tar([entry("x" * 2_000_000), *BASE]), UnsafeArchive, "extended header in the tar is larger"),
    "no image": (tar([entry("hello", b"hello")]), InvalidInput, r"it has neither manifest\.json nor index\.json"),
    "before 1.10": (tar([entry("repositories", b"{}")]), InvalidInput, "before 1.10"),
    "empty": (b"", InvalidInput, r"it has neither manifest\.json nor index\.json"),
    "noise": (b"\xff" + os.urandom(5000), InvalidInput, "invalid tar header"),
    "text": (b"hello\n" * 1000, InvalidInput, "invalid tar header"),
    "noise in the middle": (files_tar({"a": b"x"})[:1024] + b"\xff" * 1024, InvalidInput, "invalid tar header"),
    "manifest that is no list": (tar([entry("manifest.json", b"{}")]), InvalidInput, "manifest.json is not valid"),
    "manifest that nests": (tar([entry("manifest.json", b"[" * 100_000)]), InvalidInput, "manifest.json is not valid"),
    "manifest of 5 MB": (tar([entry("manifest.json", b" " * 5_000_000)]), InvalidInput, "more than the 4194304"),
    "config of 9 MB": (
        tar([entry("manifest.json", manifest("c")), entry("c", b" " * 9_000_000), entry("layer.tar", LAYER)]),
        InvalidInput,
        "more than the 8388608 allowed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives(name: str, spool: Path) -> None:
    archive, error, text = HOSTILE[name]
    with pytest.raises(error, match=text):
        whole(archive, spool)


@pytest.mark.parametrize("kept", [1, 511, 513, 700, 1024, len(GOOD) // 2, len(GOOD) - 12_000])
def test_truncated_archives(kept: int, spool: Path) -> None:
    with pytest.raises(PalletError, match=r"^(invalid archive: |Error processing tar file\(exit status 1\): )"):
        whole(GOOD[:kept], spool)


def test_the_last_of_duplicates_counts(spool: Path) -> None:
    archive = tar([*BASE, entry("layer.tar", b"other"), entry("./layer.tar", LAYER)])
    assert whole(archive, spool)[MADE.diff_ids[0]] == LAYER


def lying(size: int) -> bytes:
    """The good archive with another size in the layer's header."""
    info = tarfile.TarInfo("layer.tar")
    info.size = size
    at = GOOD.index(b"layer.tar")
    return GOOD[:at] + info.tobuf(tarfile.GNU_FORMAT)[:512] + GOOD[at + 512 :]


@pytest.mark.parametrize("size", [0, 100, len(LAYER) - 1, len(LAYER) + 1, 1 << 40, (1 << 63) + 1, -1, -512, -(1 << 40)])
def test_lying_sizes(size: int, spool: Path) -> None:
    with pytest.raises(PalletError):
        whole(lying(size), spool)


def test_a_sparse_entry_is_refused(spool: Path) -> None:
    info = tarfile.TarInfo("layer.tar")
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "999999999999"}
    data = b"1\n0\n1\n".ljust(512, b"\0") + b"x"
    info.size = len(data)
    with pytest.raises(UnsafeArchive, match="sparse"):
        whole(tar([*BASE, (info, data)]), spool)


def test_global_records_change_nothing(spool: Path) -> None:
    out = io.BytesIO()
    records = {f"key{number}": "x" for number in range(1000)}
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT, pax_headers=records) as archive:
        archive.addfile(tarfile.TarInfo("a"))
        start = out.tell()
    assert whole(out.getvalue()[:start] + GOOD, spool)[MADE.diff_ids[0]] == LAYER


@pytest.mark.parametrize("size", [60_000, 1_000_000])
def test_records_that_take_long_to_parse_are_refused(size: int, spool: Path) -> None:
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, size
    header = info.tobuf(tarfile.USTAR_FORMAT) + b"1" * size + bytes(-size % 512)
    started = time.process_time()
    with pytest.raises(InvalidInput, match="invalid tar header"):
        whole(header + GOOD, spool)
    assert time.process_time() - started < 1


class Holes:
    """Passes over whole blocks of zeros instead of writing them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, data: bytes | memoryview) -> int:
        if len(data) == 1 << 20:
            self._file.seek(len(data), os.SEEK_CUR)
            return len(data)
        return self._file.write(data)


def test_a_blob_of_more_than_8_gigabytes(spool: Path) -> None:
    """Its size does not fit a plain tar header. The file is sparse: no disk is filled."""
    size = 9 << 30
    file = spool / "big"
    digest = Digest.parse("sha256:" + "9" * 64)
    with file.open("wb") as out:
        LayoutTar(Holes(out)).add_blob(digest, size, repeat(bytes(1 << 20), 9 << 10))
        out.truncate()
        out.write(files_tar({"index.json": b'{"schemaVersion":2,"manifests":[]}'}))
    with file.open("rb") as opened:
        files = TarFiles(os.dup(opened.fileno()))
        piece = files.find(blob_name(digest))
        files.close()
    file.unlink()
    assert piece.size == size


def test_of_chained_long_names_the_last_counts(spool: Path) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 512
    first = entry("any")[0].tobuf(tarfile.GNU_FORMAT)
    assert whole((info.tobuf(tarfile.GNU_FORMAT) + bytes(512)) * 5000 + first + GOOD, spool)[MADE.diff_ids[0]] == LAYER


def test_memory_stays_small_with_a_large_layer(spool: Path, tmp_path: Path) -> None:
    big = tar([entry("big", bytes(64 * 1024 * 1024))])
    made = image([big], compression="plain", style="docker")
    archive = gzip.compress(files_tar(docker_files(made, ["big:1"], [("layer.tar", big)])), 1)
    tracemalloc.start()
    try:
        with open_archive(io.BytesIO(archive), str(spool)) as opened:
            source = opened.images[0].source
            layer = parse_manifest(source.read_manifest(source.root())).layers[0]
            assert sum(len(chunk) for chunk in source.blob_chunks(layer)) == len(big)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * 1024 * 1024


def checksummed(archive: bytearray) -> bytes:
    """The archive with right checksums in its headers, so that readers get past them."""
    for at in range(0, len(archive) - 511, 512):
        if archive[at + 257 : at + 262] == b"ustar":
            sum_ = sum(archive[at : at + 148]) + sum(archive[at + 156 : at + 512]) + 8 * ord(" ")
            archive[at + 148 : at + 156] = b"%06o\0 " % sum_
    return bytes(archive)


SMALL = image([tar([entry("etc/file", b"abc")])], compression="plain", style="docker")
SMALL_FILES = docker_files(SMALL, ["app:1"], [("l/layer.tar", SMALL.layers[0].data)])
SMALL_TARS = [files_tar(SMALL_FILES, format=kind) for kind in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT)]


@settings(max_examples=300, deadline=None)
@given(
    archive=st.sampled_from(SMALL_TARS),
    changes=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 511), st.integers(0, 255)), min_size=1, max_size=6),
    cut=st.integers(0, 20_000),
)
def test_any_damage_is_refused_or_harmless(archive: bytes, changes: list[tuple[int, int, int]], cut: int) -> None:
    damaged = bytearray(archive[: 512 + cut])
    for block, at, value in changes:
        damaged[(block * 512 + at) % len(damaged)] = value
    with tempfile.TemporaryDirectory() as directory:
        try:
            found = whole(checksummed(damaged), Path(directory))
        except PalletError:
            pass
        else:
            assert all(Digest.of(data) == digest for digest, data in found.items())
        assert list(Path(directory).iterdir()) == []


# How an archive can arrive.


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress, zstandard.compress])
@pytest.mark.parametrize("way", ["stream", "path", "open file", "pipe"])
def test_ways_in(pack: Callable[[bytes], bytes], way: str, tmp_path: Path, spool: Path) -> None:
    archive = pack(GOOD)
    file = spool / "archive"
    if way == "stream":
        found = whole(archive, spool)
    elif way == "pipe":
        reading, writing = os.pipe()
        writer = threading.Thread(target=lambda: open(writing, "wb").write(archive))
        writer.start()
        with open(reading, "rb") as stream, open_archive(stream, str(spool)) as opened:
            found = contents(opened.images[0])
        writer.join()
    else:
        file.write_bytes((b"" if way == "path" else b"before it") + archive)
        if way == "path":
            with open_archive(file, str(spool)) as opened:
                file.unlink()
                found = contents(opened.images[0])
        else:
            with file.open("rb") as stream:
                assert stream.read(9) == b"before it"
                with open_archive(stream, str(spool)) as opened:
                    found = contents(opened.images[0])
            file.unlink()
    assert found[MADE.diff_ids[0]] == LAYER


def test_reading_goes_on_at_an_offset_and_side_by_side(spool: Path) -> None:
    out = io.BytesIO()
    sink = DockerArchiveSink(out)
    copy(MadeSource(MADE), sink, "app:1")
    sink.finish()
    with open_archive(io.BytesIO(out.getvalue()), str(spool)) as opened:
        source = opened.images[0].source
        layer = parse_manifest(source.read_manifest(source.root())).layers[0]
        first, second = source.blob_chunks(layer), source.blob_chunks(layer, 40_000)
        assert b"".join(second) == LAYER[40_000:]
        assert b"".join(first) == LAYER


def test_what_cannot_be_opened(spool: Path) -> None:
    with pytest.raises(HostError, match=r"^open /nonexistent/x\.tar: no such file or directory$"):
        open_archive("/nonexistent/x.tar", str(spool))
    with pytest.raises(HostError, match="cannot copy the archive"):
        open_archive(io.BytesIO(GOOD), "/nonexistent")
