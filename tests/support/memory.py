"""Peak memory of a command with all processes that it starts."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import msgspec
from tests.support.pallet import Output

_libc = ctypes.CDLL(None)
_KCMP = {"x86_64": 312, "aarch64": 272}  # the number of kcmp(2)
_KCMP_VM = 1
_EVERY = 0.01  # seconds between two looks


class Peak(msgspec.Struct, frozen=True):
    """Megabytes (of 1,000,000 bytes).

    Attributes:
        together: the most that all processes used at one moment, pages that they share counted once; as often looked
            at, so a shorter peak may be missed.
        at_most: the sum of each process's own peak as the kernel has it, shared pages counted each time: never less
            than the truth.
    """

    together: float
    at_most: float


def measured(
    argv: Sequence[str], env: Mapping[str, str], *, stdin: IO[bytes] | None = None, timeout: float = 120
) -> tuple[Output, Peak]:
    """Runs a command to its end; standard output and error go through pipes that must not fill up (64 KB)."""
    process = subprocess.Popen(
        argv,
        env=dict(env),
        stdin=subprocess.DEVNULL if stdin is None else stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    end = time.monotonic() + timeout
    together = 0
    own: dict[int, int] = {}
    while process.poll() is None:
        if time.monotonic() > end:
            process.kill()
            process.communicate()
            raise TimeoutError(f"{' '.join(argv)} takes longer than {timeout:g} s")
        now = 0
        for pid in _tree(process.pid):
            if _borrows(pid):
                continue
            now += _kilobytes(pid, "smaps_rollup", "Pss:")
            own[pid] = max(own.get(pid, 0), _kilobytes(pid, "status", "VmHWM:"))
        together = max(together, now)
        time.sleep(_EVERY)
    out, error = process.communicate()
    done = Output(out.decode(errors="replace"), error.decode(errors="replace"), process.returncode, out)
    return done, Peak(together * 1024 / 1e6, sum(own.values()) * 1024 / 1e6)


def _borrows(pid: int) -> bool:
    """Whether the process has no memory of its own yet, but its parent's: after vfork(2), before exec."""
    try:
        parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return False
    answer: int = _libc.syscall(_KCMP[platform.machine()], pid, parent, _KCMP_VM, 0, 0)
    return answer == 0


def _tree(pid: int) -> list[int]:
    found = [pid]
    for each in found:
        try:
            for thread in os.listdir(f"/proc/{each}/task"):
                found += map(int, Path(f"/proc/{each}/task/{thread}/children").read_text().split())
        except OSError:
            continue
    return found


def _kilobytes(pid: int, file: str, key: str) -> int:
    """A value of /proc; 0 for a process that is gone."""
    try:
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
            if line.startswith(key):
                return int(line.split()[1])
    except OSError:
        pass
    return 0
