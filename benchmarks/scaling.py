"""How the cost of a layer grows with its files: 1x, 4x and 16x as many small ones, GNU tar beside it.

    python -m benchmarks.scaling [--files 6250] [--snapshotters erofs,overlay] [--repeat 1]

Each layer is loaded from docker's archive, where it is a plain tar: so both sides read the same bytes, and nothing is
inflated. pallet hashes them, keeps the layer, makes it mountable, and has its blob on the disk before it ends; GNU tar
only writes the files, so a second row is the time until `sync -f` has ended, too. Each run begins on a new file system.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.support import images
from tests.support.archives import docker_files

from benchmarks import engines
from benchmarks.install import installed_pallet
from benchmarks.measure import Group, Sample, measure
from benchmarks.volume import Volume

_FACTORS = (1, 4, 16)
_SIZE = 700  # bytes of a file
_FILES_A_DIRECTORY = 100
_ENV = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8"}
_SYNCED = 'tar --numeric-owner -xpf "$0" -C "$1" && sync -f "$1"'


def _layer(files: int) -> bytes:
    """A tar of that many small files, the same bytes every time."""
    random_bytes = random.Random(files)  # noqa: S311  (only different bytes are wanted)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for number in range(files):
            if number % _FILES_A_DIRECTORY == 0:
                folder = tarfile.TarInfo(f"files/{number // _FILES_A_DIRECTORY:05}")
                folder.type, folder.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(folder)
            info = tarfile.TarInfo(f"files/{number // _FILES_A_DIRECTORY:05}/some-file-{number}.txt")
            info.size, info.mtime = _SIZE, 1_700_000_000 + number
            tar.addfile(info, io.BytesIO(random_bytes.randbytes(_SIZE)))
    return buffer.getvalue()


def _write(files: int, directory: Path) -> tuple[Path, Path]:
    """The layer's tar, and docker's archive of an image that is this layer."""
    layer = _layer(files)
    plain, archive = directory / "layer.tar", directory / "image.tar"
    plain.write_bytes(layer)
    made = images.image([layer], compression="plain")
    with tarfile.open(archive, "w") as tar:
        for name, data in docker_files(made, ["layer:1"], [("1/layer.tar", layer)]).items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return plain, archive


def _runs(files: int, directory: Path, program: Path, snapshotters: Sequence[str]) -> Iterator[tuple[str, Sample]]:
    """One run of each: what it was, and what it took."""
    plain, archive = _write(files, directory)
    for snapshotter in snapshotters:
        with Volume() as volume, Group("scaling") as group:
            engine = engines.pallet(program, volume / "store", group)
            taken = engine.timed("--snapshotter", snapshotter, "load", "-q", "-i", str(archive))
        yield f"pallet, {snapshotter}", taken
    for name, command in (("GNU tar", ["tar", "--numeric-owner", "-xpf"]), ("GNU tar, synced", ["sh", "-c", _SYNCED])):
        with Volume() as volume, Group("tar") as group:
            words = [*command, str(plain), *(["-C"] if name == "GNU tar" else []), str(volume)]
            taken = measure(group, words, _ENV)
        yield name, taken


def main() -> None:
    """Run, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="benchmarks.scaling")
    parser.add_argument("--files", type=int, default=6250, help="how many files 1x is")
    parser.add_argument("--snapshotters", default="erofs,overlay")
    parser.add_argument("--repeat", type=int, default=1, help="the fastest of so many runs counts")
    options = parser.parse_args()
    program = installed_pallet()
    print("| files | what | seconds | CPU seconds | seconds per 1,000 files | peak memory |")
    print("| ----- | ---- | ------- | ----------- | ----------------------- | ----------- |")
    for factor in _FACTORS:
        files = factor * options.files
        best: dict[str, Sample] = {}
        for _ in range(options.repeat):
            with tempfile.TemporaryDirectory(prefix="pallet-scaling-") as directory:
                for name, taken in _runs(files, Path(directory), program, options.snapshotters.split(",")):
                    best[name] = min(best.get(name, taken), taken, key=lambda sample: sample.wall)
        for name, sample in best.items():
            each = 1000 * sample.wall / files
            print(
                f"| {files:,} ({factor}x) | {name} | {sample.wall:.2f} | {sample.cpu:.2f} | {each:.4f} "
                f"| {sample.memory / 1e6:.0f} MB |",
                flush=True,
            )


if __name__ == "__main__":
    main()
