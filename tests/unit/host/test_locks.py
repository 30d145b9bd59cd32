"""Locks between processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pallet.host.locks import lock, try_lock

HOLDER = """
import sys
from pallet.host.locks import lock
with lock(sys.argv[1], shared=sys.argv[2] == "shared"):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(path: str, how: str) -> subprocess.Popen[bytes]:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, path, how], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    return holder


def test_exclusive_and_shared(tmp_path: Path) -> None:
    path = str(tmp_path / "new" / "lock")
    with lock(path):
        assert try_lock(path) is None
        assert try_lock(path, shared=True) is None
    with lock(path, shared=True), lock(path, shared=True) as second:
        assert try_lock(path) is None
        second.release()
        second.release()
        assert try_lock(path) is None
    free = try_lock(path)
    assert free is not None
    free.release()


def test_other_processes_and_their_death(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    holder = hold(path, "shared")
    assert try_lock(path) is None
    shared = try_lock(path, shared=True)
    assert shared is not None
    shared.release()
    holder.kill()
    holder.communicate()
    with lock(path):
        assert try_lock(path, shared=True) is None


def test_waiting(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    holder = hold(path, "exclusive")
    assert holder.stdin is not None
    assert try_lock(path, shared=True) is None
    holder.stdin.close()
    with lock(path):
        assert try_lock(path) is None
    assert holder.wait(10) == 0
    assert holder.stdout is not None
    holder.stdout.close()
