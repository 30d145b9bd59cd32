"""Hostile tars: what they aim at stays as it was, and the answer is one of pallet's errors or a safe tree."""

from __future__ import annotations

import contextlib
import gzip
import os
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard
from tests.unit.layer.support import Snapshot, Tar, snapshot, unpack

from pallet.errors import Integrity, UnsafeArchive
from pallet.layer.unpack import Unpacker
from pallet.layer.unpacked import UnpackMode

pytestmark = pytest.mark.root

Build = Callable[[Path], bytes]


def _up(path: Path) -> str:
    return "../" * 20 + str(path).lstrip("/")


def _escapes(out: Path) -> dict[str, bytes]:
    """Tars that try to reach the directory `out` on the host; pallet may refuse them or keep them inside."""
    secret = out / "secret"
    return {
        "dots": Tar().file(_up(secret), b"overwritten").bytes(),
        "dots inside": Tar().file("a/b/" + _up(secret), b"overwritten").bytes(),
        "absolute": Tar().file(str(secret), b"overwritten").bytes(),
        "symlink, then through it": Tar().symlink("x", str(out)).file("x/secret", b"overwritten").bytes(),
        "relative symlink": Tar().symlink("x", _up(out)).file("x/secret", b"overwritten").bytes(),
        "symlink to the root": Tar().symlink("x", "/").file("x/" + str(secret), b"overwritten").bytes(),
        "chain of symlinks": Tar().symlink("x", "..").symlink("y", "x/" + _up(out)).file("y/secret", b"no").bytes(),
        "symlink, then directory through it": Tar().symlink("x", str(out)).directory("x/dir", mode=0o777).bytes(),
        "symlink, then itself as directory": Tar().symlink("x", str(out)).directory("x", mode=0o777, uid=9).bytes(),
        "symlink, then itself as file": Tar().symlink("x", str(secret)).file("x", b"overwritten").bytes(),
        "hard link": Tar().link("x", _up(secret)).file("x", b"overwritten").bytes(),
        "hard link, absolute": Tar().link("x", str(secret)).bytes(),
        "hard link through a symlink": Tar().symlink("d", str(out)).link("x", "d/secret").bytes(),
        "hard link to a symlink": Tar().symlink("s", str(secret)).link("x", "s").file("x", b"overwritten").bytes(),
        "whiteout through dots": Tar().file(_up(out) + "/.wh.secret").bytes(),
        "whiteout through a symlink": Tar().symlink("x", str(out)).file("x/.wh.secret").bytes(),
        "opaque through a symlink": Tar().symlink("x", str(out)).file("x/.wh..wh..opq").bytes(),
        "opaque through dots": Tar().file(_up(out) + "/.wh..wh..opq").bytes(),
        "metadata through a symlink": Tar().symlink("x", str(out)).file("x/.", mode=0o777).bytes(),
        "swap": Tar().directory("d").file("d/secret").symlink("d", str(out)).file("d/secret", b"no").bytes(),
        "process links": Tar().symlink("x", "/proc/self/root").file("x" + str(secret), b"overwritten").bytes(),
        "descriptors": Tar().symlink("x", "/proc/self/fd/0").file("x/secret", b"overwritten").bytes(),
        "long name": Tar(tarfile.GNU_FORMAT).file(_up(out) + "/" + "./" * 100 + "secret", b"overwritten").bytes(),
        "device, then write to it": Tar().add("x", tarfile.BLKTYPE, devmajor=254).file("x", b"overwritten").bytes(),
        "fifo, then write to it": Tar().add("x", tarfile.FIFOTYPE).file("x", b"data").bytes(),
    }


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A directory on the host that no tar may change, watched."""
    out = tmp_path / "outside"
    (out / "sub").mkdir(parents=True)
    (out / "secret").write_text("untouched")
    (out / "sub/file").write_text("untouched")
    before, root = snapshot(out), out.stat()
    yield out
    assert snapshot(out) == before
    after = out.stat()
    assert (after.st_mode, after.st_uid, after.st_mtime_ns) == (root.st_mode, root.st_uid, root.st_mtime_ns)


@pytest.mark.parametrize("mode", ["base", "diff", "tree"])
@pytest.mark.parametrize("attack", _escapes(Path("/x")))
def test_no_tar_leaves_the_target(tmp_path: Path, outside: Path, attack: str, mode: UnpackMode) -> None:
    neighbours: Snapshot = snapshot(tmp_path)
    with contextlib.suppress(UnsafeArchive):
        unpack(_escapes(outside)[attack], tmp_path / "target", mode)
    assert {name: seen for name, seen in snapshot(tmp_path).items() if not name.startswith("target")} == neighbours


@pytest.mark.parametrize("name", [".wh.", ".wh..", ".wh...", "d/.wh...", "d/.wh.."])
@pytest.mark.parametrize("mode", ["base", "diff", "tree"])
def test_whiteouts_of_a_directory_itself_are_refused(tmp_path: Path, name: str, mode: UnpackMode) -> None:
    with pytest.raises(UnsafeArchive, match="invalid whiteout name"):
        unpack(Tar().directory("d").file(name).bytes(), tmp_path / "t", mode)


def _long_pax(size: int) -> bytes:
    return Tar().file("f", pax_headers={"comment": "x" * size}).bytes()


def _patched(data: bytes, at: int, new: bytes) -> bytes:
    """`data` with its first header changed at `at`, and its checksum made right again."""
    header = bytearray(data[:512])
    header[at : at + len(new)] = new
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + data[512:]


_PLAIN = Tar(tarfile.USTAR_FORMAT).file("file", b"x" * 2000).bytes()

_REFUSED: dict[str, tuple[type[Integrity], str, bytes]] = {
    "huge PAX header": (UnsafeArchive, "extended header in the tar is larger", _long_pax(2 << 20)),
    "PAX header of lying size": (Integrity, "ends", _patched(_long_pax(100), 124, b"%011o\0" % 1000000)),
    "huge GNU name": (
        UnsafeArchive,
        "larger than",
        Tar(tarfile.GNU_FORMAT).file("n" * (2 << 20)).bytes(),
    ),
    "name beyond a path": (UnsafeArchive, "longer than 4095", Tar().file("n/" * 3000 + "x").bytes()),
    "component beyond a name": (UnsafeArchive, "file name too long", Tar().file("n" * 300).bytes()),
    "NUL in a PAX name": (UnsafeArchive, "NUL", Tar().file("f", pax_headers={"path": "a\0b"}).bytes()),
    "no number in a PAX size": (Integrity, "size is no number", Tar().file("f", pax_headers={"size": "1e3"}).bytes()),
    "negative PAX size": (Integrity, "size is no number", Tar().file("f", pax_headers={"size": "-1"}).bytes()),
    "PAX size beyond the tar": (Integrity, "before the end", Tar().file("f", pax_headers={"size": "99999"}).bytes()),
    "size beyond the tar": (Integrity, "bytes before the end of a file's data", _patched(_PLAIN, 124, b"77777777777")),
    "negative size": (Integrity, "negative size", _patched(_PLAIN, 124, b"\xff" * 12)),
    "size beyond 63 bits": (Integrity, "63 bits", _patched(_PLAIN, 124, b"\x80" + b"\x7f" * 11)),
    "no number": (Integrity, "no number", _patched(_PLAIN, 100, b"rwxr-xr")),
    "owner -1": (UnsafeArchive, "owner in the tar is out of range", _patched(_PLAIN, 108, b"\xff" * 8)),
    "wrong checksum": (Integrity, "wrong checksum at byte 0", b"F" + _PLAIN[1:]),
    "ends in a header": (Integrity, "ends within a header", _PLAIN[:300]),
    "ends in data": (Integrity, "bytes before the end of a file's data", _PLAIN[:1000]),
    "not a tar": (Integrity, "damaged", b"#!/bin/sh\n" * 100),
    "ends after a PAX header": (Integrity, "ends after an extended header", _long_pax(600)[:1536]),
    "lone zero block": (Integrity, "lone zero block", bytes(512) + _PLAIN),
    "root as a file": (UnsafeArchive, "root directory", Tar().file("./").bytes()),
    "root as a symlink": (UnsafeArchive, "root directory", Tar().symlink("./", "/etc").bytes()),
    "below a file": (UnsafeArchive, "not a directory", Tar().file("a").file("a/b").bytes()),
    "symlink loop": (
        UnsafeArchive,
        "failed to extract .a/x.: ",
        Tar().symlink("a", "b").symlink("b", "a").file("a/x").bytes(),
    ),
    "empty symlink": (UnsafeArchive, "no such file", Tar().symlink("a", "").bytes()),
    "link to a directory": (UnsafeArchive, "hard link to a directory", Tar().directory("d").link("a", "d").bytes()),
    "device out of range": (
        UnsafeArchive,
        "device number",
        _patched(Tar(tarfile.USTAR_FORMAT).add("c", tarfile.CHRTYPE).bytes(), 329, b"\x80" + b"\x7f" * 7),
    ),
    "huge sparse file": (
        UnsafeArchive,
        "file too large",
        Tar().file("f", b"", pax_headers={"GNU.sparse.map": "", "GNU.sparse.size": str((1 << 63) - 1)}).bytes(),
    ),
    "sparse map that leaves the file": (
        UnsafeArchive,
        "sparse map",
        Tar().file("f", b"1234", pax_headers={"GNU.sparse.map": "10,4", "GNU.sparse.size": "12"}).bytes(),
    ),
    "sparse map that lies about the data": (
        UnsafeArchive,
        "sparse map",
        Tar().file("f", b"1234", pax_headers={"GNU.sparse.map": "0,99", "GNU.sparse.size": "100"}).bytes(),
    ),
    "endless sparse map": (
        Integrity,
        "sparse map",
        Tar()
        .file("f", b"999999999\n" + b"1\n" * 300, pax_headers={"GNU.sparse.major": "1", "GNU.sparse.minor": "0"})
        .bytes(),
    ),
}


@pytest.mark.parametrize("case", _REFUSED)
@pytest.mark.parametrize("mode", ["diff", "tree"])
def test_malformed_tars_are_refused_in_one_sentence(tmp_path: Path, case: str, mode: UnpackMode) -> None:
    kind, text, data = _REFUSED[case]
    with pytest.raises(kind, match=text) as caught:
        unpack(data, tmp_path / "t", mode)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("cut", [1, 5, 9, 1000])
@pytest.mark.parametrize("compress", [gzip.compress, zstandard.ZstdCompressor(write_checksum=True).compress])
def test_truncated_compression_is_told_from_an_end(
    tmp_path: Path, cut: int, compress: Callable[[bytes], bytes]
) -> None:
    data = compress(Tar().file("f", os.urandom(5000)).bytes())
    with pytest.raises(Integrity, match="ends too early"):
        unpack(data[:-cut], tmp_path / "t")


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(Tar().file("f", os.urandom(5000)).bytes()))
    data[-6] ^= 1
    with pytest.raises(Integrity, match="gzip data is damaged"):
        unpack(bytes(data), tmp_path / "t")


def test_nesting_beyond_the_stack_is_no_problem(tmp_path: Path) -> None:
    deep = "/".join(["d"] * 2000)
    data = Tar().file(deep + "/f", b"1").file("d", b"22").bytes()
    assert unpack(data, tmp_path / "t", "base").size == 2
    (tmp_path / "t2").mkdir()
    unpack(Tar().file(deep + "/f").bytes(), tmp_path / "t2", "base")
    unpack(Tar().file(".wh.d").bytes(), tmp_path / "t2", "tree")
    assert os.listdir(tmp_path / "t2") == []


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_a_bomb_takes_time_but_no_memory(tmp_path: Path, kind: str) -> None:
    """256 MiB of zeros in some hundred kilobytes: the workers' peak stays far below what comes out."""
    size = 256 << 20
    header = Tar(tarfile.USTAR_FORMAT).file("zeros").bytes()[:512]
    tar = _patched(header, 124, b"%011o\0" % size)
    if kind == "gzip":
        data = gzip.compress(tar, 1) + gzip.compress(bytes(size), 1)
    else:
        data = zstandard.compress(tar) + zstandard.compress(bytes(size))
    assert len(data) < size // 100
    (tmp_path / "bomb").write_bytes(data)
    (tmp_path / "t").mkdir()
    # In a process of its own: the peak of children is the greatest of all that a process ever had.
    command = [sys.executable, "-c", UNPACK_AND_MEASURE, str(tmp_path / "bomb"), str(tmp_path / "t")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)})
    unpacked, peak = map(int, done.stdout.split())
    assert unpacked == size
    assert (tmp_path / "t/zeros").stat().st_blocks * 512 < size // 10
    assert peak < size // 2


UNPACK_AND_MEASURE = """
import resource, sys
from pallet.layer.unpack import Unpacker
with Unpacker(1) as pool, pool.start(sys.argv[2]) as job:
    job.write(open(sys.argv[1], "rb").read())
    size = job.finish().size
print(size, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
"""


def test_an_early_error_reaches_the_writer(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    with Unpacker(1) as pool, pool.start(str(tmp_path / "t")) as job:
        with pytest.raises(Integrity, match="damaged"):
            for _ in range(64):
                job.write(b"no tar at all, and more than a pipe holds. " * 4096)
        with pool.start(str(tmp_path / "t")) as second:
            second.write(Tar().file("f").bytes())
            assert second.finish().files == 1


def test_an_aborted_job_has_stopped_writing(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    with Unpacker(1) as pool:
        job = pool.start(str(tmp_path / "t"))
        job.write(Tar().file("a", b"1" * 100_000).bytes()[:50_000])
        job.abort()
        job.abort()
        before = snapshot(tmp_path / "t")
        with pool.start(str(tmp_path / "t"), mode="tree") as second:
            second.write(Tar().file("b").bytes())
            second.finish()
        (tmp_path / "t/b").unlink()
        assert snapshot(tmp_path / "t") == before


def test_jobs_run_side_by_side_from_several_threads(tmp_path: Path) -> None:
    results: dict[int, int] = {}

    def one(pool: Unpacker, number: int) -> None:
        target = tmp_path / str(number)
        target.mkdir()
        with pool.start(str(target)) as job:
            data = gzip.compress(Tar().file("f", b"x" * (number + 1)).bytes())
            for at in range(0, len(data), 7):
                job.write(data[at : at + 7])
            results[number] = job.finish().size

    with Unpacker(2) as pool:
        threads = [threading.Thread(target=one, args=(pool, number)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == {number: number + 1 for number in range(8)}
