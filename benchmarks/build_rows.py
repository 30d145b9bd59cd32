"""Builds: steps made, steps found, and a large context of which one file changed.

docker is its classic builder and, if its client can ask for it, its BuildKit: the better counts, run by run.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.support import rootfs

from benchmarks.engines import Engine
from benchmarks.measure import Failed, Sample
from benchmarks.results import Results

_SMALL, _LARGE, _BYTES = 3_000, 20_000, 50_000
_FOUND = 5  # times that a build of which nothing changed is measured
_COPY = "FROM {box}\nCOPY . /files\n"
_STEPS = _COPY + "".join(f"RUN echo {number} > /step{number}\n" for number in range(8))


def steps(results: Results, engines: Sequence[Engine], work: Path) -> None:
    """COPY of 3,000 small files and eight RUNs that do next to nothing: all made, then all found.

    Raises:
        Failed: an engine cannot build it.
    """
    context = _context(work, _SMALL, 2_000)
    made, found = results.row("build, 3,000 files and 8 RUNs"), results.row("build, all steps found")
    for engine in engines:
        _begin(engine)
        made.add(engine.name, _best(engine, _STEPS, context, "--no-cache"))
    _best_all(engines, context)
    for _ in range(_FOUND):
        for engine in engines:
            found.add(engine.name, _best(engine, _STEPS, context))


def large(results: Results, engines: Sequence[Engine], work: Path) -> None:
    """COPY of 20,000 files, 1 GB: first, and when one of them has changed. Errors as `steps`."""
    context = _context(work, _LARGE, _BYTES)
    first, changed = results.row("build, 20,000 files, 1 GB"), results.row("build, one of 20,000 files changed")
    try:
        for engine in engines:
            _begin(engine)
            first.add(engine.name, _best(engine, _COPY, context))
        (context / "000/00000").write_bytes(os.urandom(_BYTES))
        for engine in engines:
            changed.add(engine.name, _best(engine, _COPY, context))
    finally:
        shutil.rmtree(context)


def _context(work: Path, count: int, size: int) -> Path:
    state, context = random.Random(1), work / f"context-{count}"  # noqa: S311 the same files every time
    if not context.exists():
        for number in range(count):
            path = context / f"{number // 100:03}" / f"{number:05}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(state.randbytes(size))
    return context


def _begin(engine: Engine) -> None:
    engine.do("import", str(rootfs.busybox()), "box:latest")


def _best_all(engines: Sequence[Engine], context: Path) -> None:
    """Once more, unmeasured: then each has in its cache what it keeps there."""
    for engine in engines:
        _best(engine, _STEPS, context)


def _best(engine: Engine, text: str, context: Path, *flags: str) -> Sample:
    samples = list(_builds(engine, text, context, *flags))
    return min(samples, key=lambda sample: sample.wall)


def _builds(engine: Engine, text: str, context: Path, *flags: str) -> Iterator[Sample]:
    """Build it; with docker by each of its builders."""
    dockerfile = context.with_name(f"{context.name}-{engine.name}")
    dockerfile.write_text(text.format(box="localhost/box" if engine.name == "podman" else "box"))
    words = ["build", "-q", *flags, "-t", "made", "-f", str(dockerfile), str(context)]
    if engine.name == "podman":
        words[1:1] = ["--layers", "--network", "host"]  # its bridge needs more than a machine may have
    if engine.name != "docker":
        os.sync()
        yield engine.timed(*words)
        return
    for kit in ("0", "1"):
        builder = Engine(engine.name, engine.command, {**engine.env, "DOCKER_BUILDKIT": kit}, engine.group)
        os.sync()
        try:
            yield builder.timed(*words)
        except Failed:
            if kit == "0":
                raise
