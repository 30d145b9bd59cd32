"""Measures pallet beside docker, podman and skopeo, prints the table and writes it to benchmarks/results/.

    python -m benchmarks.run [--scale small|full] [--repeat N] [--peers docker,podman,skopeo] [--rows pull,commit,...]

As root; `make bench` installs what is needed and calls this. The registry, the daemon and all engines share one network
namespace of their own; everything is removed at the end.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from tests.support import REPOSITORY
from tests.support.dockerd import Dockerd
from tests.support.registry import RegistryServer

from benchmarks import build_rows, images, report
from benchmarks.engines import Engine, Skopeo, docker, pallet, podman, remove
from benchmarks.install import installed_pallet
from benchmarks.listing import listing
from benchmarks.measure import Failed, Group
from benchmarks.results import Results, machine
from benchmarks.rows import Bench
from benchmarks.volume import Volume

_NEWNET = 0x40000000
_MANY = 1000
# Each part begins on a new file system, with the daemon started anew and the registry filled; so does each of "ls".
_PARTS: tuple[dict[str, tuple[Callable[[Bench, Engine], None], Callable[[Bench, Skopeo], None] | None]], ...] = (
    {
        "pull": (Bench.pull_cold, Bench.pull_cold),
        "again": (Bench.pull_again, None),
        "shared": (Bench.pull_shared, None),
        "run": (Bench.run, None),
        "exec": (Bench.exec, None),
        "commit": (Bench.commit, None),
        "export": (Bench.export, None),
        "import": (Bench.import_, None),
        "save": (Bench.save, Bench.save),
        "push": (Bench.push, Bench.push),
        "copy": (Bench.copy, Bench.copy),
    },
    {"load": (Bench.load, None)},
)
_BUILDS = {"build": build_rows.steps, "build-large": build_rows.large}


def main() -> int:
    """Run the benchmark; the exit code tells whether all results were right."""
    for number in (signal.SIGINT, signal.SIGTERM):  # whoever stops it finds everything removed, too
        signal.signal(number, _stop)
    options = _options()
    wanted = options.rows.split(",") if options.rows else _names()
    peers = options.peers.split(",") if options.peers else []
    program = installed_pallet()
    main_image, other = images.make(options.scale)
    results = Results(
        options.scale,
        f"{len(main_image.layers)} layers, {main_image.compressed / 1e6:.0f} MB compressed, "
        f"{main_image.unpacked / 1e9:.2f} GB unpacked, {len(main_image.tree()):,} names",
        machine(),
        {},
        os.getloadavg()[0],
    )
    for repetition in range(options.repeat):
        for part in _PARTS:
            steps = [name for name in part if name in wanted]
            if not steps:
                continue
            with _started(program, peers, results) as (engines, skopeo, work), RegistryServer() as registry:
                bench = _prepare(results, registry, main_image, other, work)
                bench.thorough = repetition == options.repeat - 1
                turn = repetition % len(engines)
                for name in steps:
                    _step(bench, name, part[name], [*engines[turn:], *engines[:turn]], skopeo)
    for name, do in _BUILDS.items():
        for _ in range(options.repeat if name in wanted else 0):
            with _started(program, peers, results) as (engines, _, work):
                _guarded(results, name, partial(do, results, engines, work))
    if "ls" in wanted:
        for count in (1, _MANY):
            with _started(program, peers, results) as (engines, _, work):
                _listing(results, engines, work, count, 30 if options.scale == "small" else 100)
    print(report.page(results))
    report.write(results, REPOSITORY / "benchmarks/results", options.name or options.scale)
    return 1 if results.problems else 0


def _stop(number: int, _: object) -> None:
    sys.exit(128 + number)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.run", description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--scale", choices=list(images.SCALES), default="full")
    parser.add_argument("--repeat", type=int, default=3, help="how often each row is measured")
    parser.add_argument("--peers", default="docker,podman,skopeo")
    parser.add_argument("--rows", default="", help=f"some of {','.join(_names())}")
    parser.add_argument("--name", default="", help="of the files in benchmarks/results (the scale's if not given)")
    return parser.parse_args()


def _names() -> list[str]:
    return [*(name for part in _PARTS for name in part), *_BUILDS, "ls"]


@contextmanager
def _started(program: Path, peers: list[str], results: Results) -> Iterator[tuple[list[Engine], Skopeo | None, Path]]:
    """The engines on a new file system, and a directory there.

    This process, and with it all that it starts, then is in the daemon's network namespace.
    """
    with Volume() as place, ExitStack() as stack:
        work = place / "w"  # podman takes no long paths
        work.mkdir()
        stack.callback(remove, work)
        engines = [pallet(program, work / "pallet", stack.enter_context(Group("pallet")))]
        if "docker" in peers:
            group = stack.enter_context(Group("docker"))
            with group.entered():
                daemon = stack.enter_context(Dockerd())
            _enter_network(daemon)
            engines.append(docker(daemon, group))
        if "podman" in peers:
            engines.append(podman(work / "podman", stack.enter_context(Group("podman"))))
        skopeo = Skopeo(work / "skopeo", stack.enter_context(Group("skopeo"))) if "skopeo" in peers else None
        results.versions = {engine.name: engine.version() for engine in engines}
        if skopeo is not None:
            results.versions[skopeo.name] = skopeo.version()
        yield engines, skopeo, work


def _enter_network(daemon: Dockerd) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    fd = os.open(daemon._network(), os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.setns(fd, _NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(fd)


def _prepare(
    results: Results, registry: RegistryServer, main_image: images.Image, other: images.Image, work: Path
) -> Bench:
    """Put the images into the registry and make the archive to load."""
    with Group("prepare") as group:
        tool = Skopeo(work / "prepare", group)
        archive = main_image.layers[-1].tar.with_name("load.tar")
        for image in (main_image, other):
            folder = work / "prepare" / image.name.replace("/", "-")
            image.write_layout(folder)
            tool.copy(f"dir:{folder}", f"docker://{registry.host}/{image.name}:1")
            if image is main_image and not archive.exists():
                tool.copy(f"dir:{folder}", f"docker-archive:{archive}:{image.name}:1")
    return Bench(results, registry, main_image, other, archive, work)


def _step(
    bench: Bench,
    name: str,
    do: tuple[Callable[[Bench, Engine], None], Callable[[Bench, Skopeo], None] | None],
    engines: list[Engine],
    skopeo: Skopeo | None,
) -> None:
    """One row, by all engines one after the other."""
    for engine in engines:
        _guarded(bench.results, f"{engine.name}: {name}", partial(do[0], bench, engine))
    if skopeo is not None and do[1] is not None:
        _guarded(bench.results, f"skopeo: {name}", partial(do[1], bench, skopeo))


def _listing(results: Results, engines: list[Engine], work: Path, count: int, runs: int) -> None:
    archive = str(images.many(count, work))
    for engine in engines:
        _guarded(results, f"{engine.name}: load {count}", partial(engine.do, "load", "-i", archive))
    row = results.row(f"image ls, {count:,} image{'s' if count > 1 else ''}")
    _guarded(results, row.name, partial(listing, row, engines, count, work, runs=runs))


def _guarded(results: Results, what: str, do: Callable[[], object]) -> None:
    """One step; what goes wrong is told in the report, and the others go on."""
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)
    try:
        do()
    except Failed as problem:
        print(f"{what}: {problem}", file=sys.stderr, flush=True)
        results.problems.append(f"{what}: {problem}")


if __name__ == "__main__":
    sys.exit(main())
