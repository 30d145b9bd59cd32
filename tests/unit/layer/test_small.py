"""Small layers that this process makes images of, against what a worker makes of the same tars."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from tests.support.images import directory, entry, hardlink, symlink, tar

from pallet.errors import HostError, Integrity, Unsupported
from pallet.layer.small import SmallImageJob
from pallet.layer.unpack import Unpacker, UnpackJob

_SMALL = tar([directory("etc", 0o750), entry("etc/name", b"content"), hardlink("etc/again", "etc/name")])
_LARGE = tar([entry("noise", os.urandom(9 << 20)), symlink("link", "noise"), entry("a/b/c", b"x" * 3000)])
# A hard link to what is not there yet cannot be in an image.
_ODD = tar([hardlink("b", "a"), entry("a", b"content")])


@pytest.fixture(scope="module")
def unpacker() -> Iterator[Unpacker]:
    with Unpacker(1) as pool:
        yield pool


@contextmanager
def _kept(path: Path, wanted: bool) -> Iterator[int]:
    if not wanted:
        yield -1
        return
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        yield fd
    finally:
        os.close(fd)


def _write(job: SmallImageJob | UnpackJob, data: bytes) -> None:
    buffer = bytearray(300_000)  # which is used again, as those who make tars do
    for at in range(0, len(data), len(buffer)):
        piece = data[at : at + len(buffer)]
        buffer[: len(piece)] = piece
        job.write(memoryview(buffer)[: len(piece)])


@pytest.mark.parametrize("base", [True, False])
@pytest.mark.parametrize(("keep", "apart"), [(True, True), (True, False), (False, False), (False, True)])
@pytest.mark.parametrize("data", [_SMALL, _LARGE, tar([])], ids=["small", "large", "empty"])
def test_as_a_worker_makes_it(
    data: bytes, keep: bool, apart: bool, base: bool, unpacker: Unpacker, tmp_path: Path
) -> None:
    mode = "base" if base else "diff"

    def begin(name: str, fd: int) -> partial[UnpackJob]:
        target = str(tmp_path / name)
        return partial(unpacker.start, target, mode=mode, image=True, plain=True, apart=apart, keep=fd)  # type: ignore[arg-type]

    with _kept(tmp_path / "small.tar", keep) as fd:
        start = begin("small", fd)
        with SmallImageJob(str(tmp_path / "small"), base=base, keep=fd, apart=apart, known="", start=start) as small:
            _write(small, data)
            made = small.finish()
    with _kept(tmp_path / "worker.tar", keep) as fd, begin("worker", fd)() as job:
        _write(job, data)
        expected = job.finish()
    assert made == expected
    assert (tmp_path / "small").read_bytes() == (tmp_path / "worker").read_bytes()
    if keep:
        assert (tmp_path / "small.tar").read_bytes() == (tmp_path / "worker.tar").read_bytes() == data


def test_what_cannot_be_an_image_is_kept_whole(unpacker: Unpacker, tmp_path: Path) -> None:
    with _kept(tmp_path / "tar", True) as fd:
        job = SmallImageJob(str(tmp_path / "image"), base=True, keep=fd, apart=True, known="", start=_never)
        job.write(_ODD)
        with pytest.raises(Unsupported):
            job.finish()
    assert (tmp_path / "tar").read_bytes() == _ODD


def test_failures_and_an_end_without_a_result(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    with SmallImageJob(str(tmp_path / "x"), base=True, keep=-1, apart=False, known="", start=_never) as job:
        job.write(_SMALL)
    assert not (tmp_path / "x").exists()
    with SmallImageJob(str(tmp_path / "x"), base=True, keep=-1, apart=False, known="", start=_never) as job:
        job.write(b"no tar at all\n" * 100)
        with pytest.raises(Integrity):
            job.finish()
    with SmallImageJob(str(tmp_path / "no/x"), base=True, keep=-1, apart=False, known="", start=_never) as job:
        job.write(_SMALL)
        with pytest.raises(HostError, match="No such file or directory"):
            job.finish()
    assert len(os.listdir("/proc/self/fd")) == len(before)


def _never() -> UnpackJob:
    raise AssertionError("a worker was started for a small layer")
