"""Running a command and telling what it took: wall time, processor time, memory.

Each engine's processes live in a control group of their own, a daemon as much as its client, so that processor time
and memory are those of all that worked, whoever started it.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

_MOUNT = Path("/sys/fs/cgroup")
_POLL = 0.02  # seconds between two looks at the memory
_ENTER = 'echo $$ > "$0/cgroup.procs" && exec "$@"'


class Sample(msgspec.Struct, frozen=True):
    """What one run of a command took.

    Attributes:
        wall: seconds from start to exit.
        cpu: seconds of user and system time, of all processes of the engine.
        memory: the most bytes that the engine's processes had at one moment, shared pages counted once (PSS).
    """

    wall: float
    cpu: float
    memory: int


class Failed(Exception):
    """A command failed, or gave a wrong result."""


class TooSlow(Failed):
    """A command takes longer than one may wait for."""


class Group:
    """A control group for one engine, as a context."""

    def __init__(self, name: str) -> None:
        unified = (_MOUNT / "cgroup.controllers").exists()
        self.path = (_MOUNT if unified else _MOUNT / "cpuacct") / f"pallet-bench-{name}-{secrets.token_hex(3)}"
        self._unified = unified

    def __enter__(self) -> Group:
        self.path.mkdir()
        return self

    def __exit__(self, *_: object) -> None:
        for _attempt in range(100):
            if not self.pids():
                break
            time.sleep(0.05)
        for folder in sorted((path for path in self.path.glob("**/") if path.is_dir()), reverse=True):
            folder.rmdir()

    def enclose(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs `argv` in the group."""
        return ["sh", "-c", _ENTER, str(self.path), *argv]

    @contextmanager
    def entered(self) -> Iterator[None]:
        """This process is in the group meanwhile, so that what it starts is in it for ever."""
        wanted = "" if self._unified else "cpuacct"
        lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
        place = next(path for _, controllers, path in lines if wanted in controllers.split(","))
        before = self.path.parent / place.lstrip("/")
        (self.path / "cgroup.procs").write_text(str(os.getpid()))
        try:
            yield
        finally:
            (before / "cgroup.procs").write_text(str(os.getpid()))

    def pids(self) -> list[int]:
        """The processes in the group now."""
        return [int(line) for line in (self.path / "cgroup.procs").read_text().split()]

    def cpu(self) -> float:
        """Seconds of processor time used so far."""
        if not self._unified:
            return int((self.path / "cpuacct.usage").read_text()) / 1e9
        return int((self.path / "cpu.stat").read_text().split()[1]) / 1e6

    def memory(self) -> int:
        """Bytes of memory that its processes have, shared pages counted once."""
        return sum(_pss(pid) for pid in self.pids())


def measure(
    group: Group, argv: Sequence[str], env: Mapping[str, str], *, stdin: Path | None = None, stdout: Path | None = None
) -> Sample:
    """Run a command once, after what was written before has reached the disk.

    Args:
        group: the engine's.
        argv: the command.
        env: its whole environment.
        stdin, stdout: files to read from and write to.

    Raises:
        Failed: it exits with something else than 0.
    """
    os.sync()
    with _file(stdin, "rb") as source, _file(stdout, "wb") as target, _Watch(group) as watch:
        before = group.cpu()
        start = time.perf_counter()
        # Their stderr goes to a file: a pipe would need a reader, which would take its share of the machine.
        with open(os.memfd_create("stderr"), "w+b") as errors:
            code = subprocess.run(
                group.enclose(argv), check=False, env=env, stdin=source, stdout=target, stderr=errors
            ).returncode
            wall = time.perf_counter() - start
            cpu = group.cpu() - before
            errors.seek(0)
            text = errors.read().decode(errors="replace")
    if code != 0:
        raise Failed(f"{' '.join(argv)}: exit {code}: {text[-2000:]}")
    return Sample(wall, cpu, watch.peak)


def quietly(argv: Sequence[str], env: Mapping[str, str], *, seconds: float | None = None) -> str:
    """Run a command that is not measured; its output, without the last line's end.

    Raises:
        Failed: it exits with something else than 0.
        TooSlow: it takes longer than that.
    """
    try:
        done = subprocess.run(
            argv, check=False, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds
        )
    except subprocess.TimeoutExpired as error:
        raise TooSlow(f"{' '.join(argv)}: not within {seconds} s") from error
    if done.returncode != 0:
        raise Failed(f"{' '.join(argv)}: exit {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    return done.stdout.decode(errors="replace").rstrip("\n")


class _Watch:
    """Looks at a group's memory now and then, in a thread."""

    def __init__(self, group: Group) -> None:
        self.peak = 0
        self._group = group
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(_POLL):
            start = time.perf_counter()
            self.peak = max(self.peak, self._group.memory())
            self._stop.wait(10 * (time.perf_counter() - start))  # never more than a tenth of one processor


def _pss(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_bytes().splitlines():
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        return 0  # it has just ended
    return 0


def _file(path: Path | None, mode: str) -> IO[bytes]:
    opened: IO[bytes] = (path or Path(os.devnull)).open(mode)
    return opened
