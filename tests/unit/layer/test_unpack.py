"""The unpack workers' life: they die with their parent, and a dead one is reported."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.unit.layer.support import Tar, unpack

from pallet.errors import HostError, UnsafeArchive
from pallet.layer.unpack import Unpacker
from pallet.layer.worker_process import WorkerProcess

pytestmark = pytest.mark.root

_PARENT = """
import sys, time
from pallet.layer.unpack import Unpacker
with Unpacker(2) as pool:
    job = pool.start(sys.argv[1], mode="base")
    job.write(open(sys.argv[2], "rb").read())
    print("started", flush=True)
    time.sleep(60)
"""


def _workers_in(directory: Path) -> list[int]:
    """Processes whose root is `directory`."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and os.readlink(process / "root") == str(directory):
                found.append(int(process.name))
        except OSError:
            continue
    return found


def _wait_for_workers(directory: Path, count: int) -> list[int]:
    deadline = time.monotonic() + 10
    while len(found := _workers_in(directory)) != count and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def test_workers_die_with_a_killed_parent(tmp_path: Path) -> None:
    target, data = tmp_path / "t", tmp_path / "layer.tar"
    target.mkdir()
    data.write_bytes(Tar().file("f", b"x" * 5000).bytes()[:3000])
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(target), str(data)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "started\n"
        assert len(_wait_for_workers(target, 1)) == 1
        parent.kill()
    assert _wait_for_workers(target, 0) == []


def test_a_killed_worker_is_a_host_error_and_the_next_job_runs(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "u").mkdir()
    data = Tar().file("f", b"x" * 5000).bytes()
    with Unpacker(1) as pool:
        with pool.start(str(tmp_path / "t")) as job:
            job.write(data[:3000])
            (worker,) = _wait_for_workers(tmp_path / "t", 1)
            os.kill(worker, signal.SIGKILL)
            with pytest.raises(HostError, match="unpack worker died"):
                job.finish()
        with pool.start(str(tmp_path / "u")) as job:
            job.write(data)
            assert job.finish().files == 1


def test_closing_the_pool_ends_open_jobs(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    with Unpacker(1) as pool:
        job = pool.start(str(tmp_path / "t"))
        _wait_for_workers(tmp_path / "t", 1)
    assert _wait_for_workers(tmp_path / "t", 0) == []
    with pytest.raises(HostError):
        job.finish()


def test_a_missing_directory_is_a_host_error_and_frees_the_worker(tmp_path: Path) -> None:
    with Unpacker(1) as pool:
        for _ in range(3):
            with pytest.raises(HostError, match=r"cannot unpack into .*: No such file"):
                pool.start(str(tmp_path / "none"))


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    data = Tar().file("f").bytes()
    unpack(data, tmp_path / "t")
    before = sorted(os.listdir("/proc/self/fd"))
    for number in range(3):
        unpack(data, tmp_path / str(number))
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_a_layer_cannot_lend_the_worker_its_modules(tmp_path: Path) -> None:
    """The extracted tree holds modules where the worker's own come from; were one loaded, a file would tell."""
    places = [path for path in sys.path if path.startswith("/")]
    tar = Tar()
    for place in places:
        for module in ("encodings/idna.py", "json/__init__.py", "traceback.py", "linecache.py", "shutil.py", "pwd.py"):
            tar.file(f"{place.lstrip('/')}/{module}", b"open('/loaded', 'w')\n")
    data = tar.link("a", "missing").bytes()
    with pytest.raises(UnsafeArchive, match="missing"):
        unpack(data, tmp_path / "t", "base")
    assert (tmp_path / "t" / places[0].lstrip("/") / "traceback.py").exists()
    assert not (tmp_path / "t/loaded").exists()


def test_a_worker_started_early_ends_with_the_pool_that_takes_it(tmp_path: Path) -> None:
    process = WorkerProcess()
    pid = process.pid
    with Unpacker(1, process) as pool, pool.start(str(tmp_path), mode="base") as job:
        job.write(Tar().file("file", b"content").bytes())
        job.finish()
    assert (tmp_path / "file").read_bytes() == b"content"
    assert not Path(f"/proc/{pid}").exists()
    process.close()


def test_a_worker_that_nobody_takes_ends() -> None:
    process = WorkerProcess()
    pid = process.pid
    assert Path(f"/proc/{pid}").exists()
    process.close()
    assert not Path(f"/proc/{pid}").exists()
    process.close()
