"""Builds beside docker's: steps made, steps found, and a large context of which one file changed.

    python -m benchmarks.build_rows prepare DIRECTORY      # the contexts: 3,000 small files; 20,000 files, 1 GB
    python -m benchmarks.build_rows run DIRECTORY [rows]   # rows: steps,large (both if not given)

As root. docker is its classic builder and, if its client can ask for it, its BuildKit (DOCKER_BUILDKIT=1): the better
counts. Each line is one run of each, one after the other.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import rootfs
from tests.support.dockerd import Dockerd
from tests.support.pallet import PalletCLI

_SMALL, _LARGE, _BYTES = 3_000, 20_000, 50_000
_STEPS = "FROM box\nCOPY . /files\n" + "".join(f"RUN echo {number} > /step{number}\n" for number in range(8))
_COPY = "FROM box\nCOPY . /files\n"


def prepare(directory: Path) -> None:
    """Make the contexts."""
    state = random.Random(1)  # noqa: S311 the same files every time
    for name, count, size, text in (("steps", _SMALL, 2_000, _STEPS), ("large", _LARGE, _BYTES, _COPY)):
        for number in range(count):
            path = directory / name / f"{number // 100:03}" / f"{number:05}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(state.randbytes(size))
        (directory / name / "Dockerfile").write_text(text)


@contextmanager
def _engines(busybox: Path) -> Iterator[dict[str, Callable[..., None]]]:
    with tempfile.TemporaryDirectory(prefix="pallet-bench-") as place, Dockerd() as daemon:
        ours = PalletCLI(Path(place))
        ours.ok("import", str(busybox), "box")
        assert daemon.docker("import", str(busybox), "box").code == 0

        def pallet(*words: str) -> None:
            ours.ok("build", "-q", "-t", "made", *words)

        def docker(kit: str) -> Callable[..., None]:
            def build(*words: str) -> None:
                argv = ["/usr/bin/docker", "build", "-q", "-t", "made", *words]
                env = {**os.environ, **daemon.environment, "DOCKER_BUILDKIT": kit}
                subprocess.run(argv, check=True, env=env, capture_output=True)

            return build

        try:
            yield {"pallet": pallet, "docker": docker("0"), "docker, BuildKit": docker("1")}
        finally:
            ours.close()


def _timed(build: Callable[..., None], *words: str) -> float | None:
    os.sync()
    begun = time.perf_counter()
    try:
        build(*words)
    except subprocess.CalledProcessError:
        return None
    return time.perf_counter() - begun


def _line(row: str, engines: dict[str, Callable[..., None]], *words: str) -> None:
    took = {name: _timed(build, *words) for name, build in engines.items()}
    found = {name: seconds for name, seconds in took.items() if seconds is not None}
    best = min(seconds for name, seconds in found.items() if name != "pallet")
    shown = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in found.items())
    print(f"{row}: {shown}; {found['pallet'] / best:.2f} of the better docker", flush=True)


def run(directory: Path, rows: list[str]) -> None:
    """Measure."""
    with _engines(rootfs.busybox()) as engines:
        if "steps" in rows:
            for _ in range(2):
                _line("steps, no cache", engines, "--no-cache", str(directory / "steps"))
            for _ in range(3):
                _line("steps, all found", engines, str(directory / "steps"))
        if "large" in rows:
            _line("large, first", engines, str(directory / "large"))
            (directory / "large/000/00000").write_bytes(os.urandom(_BYTES))
            _line("large, one file changed", engines, str(directory / "large"))


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare(Path(sys.argv[2]))
    else:
        run(Path(sys.argv[2]), (sys.argv[3] if len(sys.argv) > 3 else "steps,large").split(","))
