"""`image ls` of all engines by hyperfine, with one image and with many."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

import msgspec
from tests.support import need

from benchmarks.engines import Engine
from benchmarks.measure import Failed, Sample, TooSlow
from benchmarks.results import Row

_PATIENCE = 20  # seconds for one listing


class _Timed(msgspec.Struct):
    times: list[float]
    user: float
    system: float
    exit_codes: list[int | None] = []


class _Report(msgspec.Struct):
    results: list[_Timed]


def listing(row: Row, engines: Sequence[Engine], count: int, work: Path, *, runs: int) -> None:
    """Time `image ls` side by side, without a shell, in one run of hyperfine.

    Args:
        row: takes the samples.
        engines: each has `count` images.
        count: how many lines the listing must have below its head.
        work: for hyperfine's report.
        runs: how often each.

    Raises:
        Failed: an engine lists another number of images.
    """
    env: dict[str, str] = {}
    commands = []
    timed_engines: list[Engine] = []
    for engine in engines:
        try:
            found = len(engine.do("image", "ls", seconds=_PATIENCE).splitlines()) - 1
        except TooSlow:
            # podman 4.3 with a thousand images is at it for minutes.
            row.notes.append(f"{engine.name} does not finish within {_PATIENCE} s")
            continue
        timed_engines.append(engine)
        if found != count:
            raise Failed(f"{engine.name} lists {found} images instead of {count}")
        env |= {key: value for key, value in engine.env.items() if key not in ("HOME", "PATH")}
        commands.append(shlex.join([*engine.command, "image", "ls"]))
    env |= {"PATH": engines[0].env["PATH"], "HOME": engines[0].env["HOME"]}
    report = work / "hyperfine.json"
    subprocess.run(
        [need("hyperfine"), "-N", "--warmup", "5", "--runs", str(runs), "--export-json", str(report), *commands],
        check=True,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    done = msgspec.json.decode(report.read_bytes(), type=_Report)
    for engine, timed in zip(timed_engines, done.results, strict=True):
        for wall in timed.times:
            row.add(engine.name, Sample(wall, timed.user + timed.system, 0))
