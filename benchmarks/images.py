"""The images that are moved: a real Debian and generated layers on top, the same bytes on every machine's second run.

`full` is about 540 MB compressed, 1.14 GB and 45,000 files unpacked, in four layers; `small` a tenth of it above
Debian. Files are of text (random words) mixed with random bytes, so that compression is neither useless nor everything.
Everything is made once and kept in .cache/bench/.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import random
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec
from tests.support import REPOSITORY
from tests.support.images import Blob
from tests.support.tree import Node, list_tar

_CACHE = REPOSITORY / ".cache/bench"
_VERSION = 5  # of what is generated: another one is made anew
_TIME = 1_700_000_000
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"


class Part(msgspec.Struct, frozen=True):
    """One generated layer: where it is in the image, how many files of what mean size, and how much of it is text."""

    top: str
    files: int
    size: int
    text: float


# Few large files, many small ones, and what is between them.
_FULL = (
    Part("opt/packages", 24_000, 6_800, 0.95),
    Part("opt/application", 12_800, 50_000, 0.75),
    Part("srv/data", 320, 680_000, 0.5),
)
_OTHER_TOP = Part("srv/other", 600, 40_000, 0.6)  # the second image's own layer
SCALES = {"full": 1.0, "small": 0.1}


class Layer(msgspec.Struct, frozen=True):
    """A layer on disk, as tar and as blob."""

    tar: Path
    blob: Path
    diff_id: str
    digest: str
    size: int


class Image(msgspec.Struct, frozen=True):
    """An image, its layers bottom first."""

    name: str
    layers: tuple[Layer, ...]
    config: Blob
    manifest: Blob

    def write_layout(self, folder: Path) -> None:
        """Write it as `skopeo copy dir:FOLDER` reads it."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "version").write_text("Directory Transport Version: 1.1\n")
        (folder / "manifest.json").write_bytes(self.manifest.data)
        (folder / self.config.digest.partition(":")[2]).write_bytes(self.config.data)
        for layer in self.layers:
            target = folder / layer.digest.partition(":")[2]
            target.unlink(missing_ok=True)
            target.symlink_to(layer.blob)

    def tree(self) -> dict[str, Node]:
        """What the unpacked image holds; none of the layers takes anything away."""
        names: dict[str, Node] = {}
        for layer in self.layers:
            names |= _listed(layer)
        return names

    @property
    def unpacked(self) -> int:
        """Bytes of all layers' tars."""
        return sum(layer.tar.stat().st_size for layer in self.layers)

    @property
    def compressed(self) -> int:
        """Bytes of all layers' blobs."""
        return sum(layer.size for layer in self.layers)


def make(scale: str) -> tuple[Image, Image]:
    """The image, and one that shares all its layers but the topmost.

    Args:
        scale: one of `SCALES`.
    """
    folder = _CACHE / f"{scale}-{_VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    debian = _compressed(_debian(), folder / "debian.tar.gz")
    parts = [_generated(part, SCALES[scale], folder) for part in _FULL]
    other = _generated(_OTHER_TOP, SCALES[scale], folder)
    return _image("bench/main", (debian, *parts)), _image("bench/other", (debian, *parts[:-1], other))


def many(count: int, folder: Path) -> Path:
    """A docker archive of `count` images `bench/many:N` that share one small layer, each with a config of its own."""
    path = folder / f"many-{count}.tar"
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        _add(tar, "file", b"one of many")
    items = []
    with tarfile.open(path, "w") as archive:
        _add(archive, "layer.tar", layer.getvalue())
        for number in range(count):
            config = _config([f"sha256:{hashlib.sha256(layer.getvalue()).hexdigest()}"], {"number": str(number)})
            name = f"{hashlib.sha256(config).hexdigest()}.json"
            _add(archive, name, config)
            items.append({"Config": name, "RepoTags": [f"bench/many:{number}"], "Layers": ["layer.tar"]})
        _add(archive, "manifest.json", json.dumps(items).encode())
    return path


def _image(name: str, layers: tuple[Layer, ...]) -> Image:
    config = Blob(_CONFIG, _config([layer.diff_id for layer in layers], {}))
    document = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": config.descriptor(),
        "layers": [{"mediaType": _LAYER, "digest": layer.digest, "size": layer.size} for layer in layers],
    }
    return Image(name, layers, config, Blob(_MANIFEST, json.dumps(document).encode()))


def _config(diff_ids: list[str], labels: dict[str, str]) -> bytes:
    created = "2023-11-14T22:13:20Z"
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    document = {
        "architecture": architecture,
        "os": "linux",
        "created": created,
        "config": {"Cmd": ["sh"], "Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], "Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [{"created": created, "created_by": f"layer {number}"} for number, _ in enumerate(diff_ids)],
    }
    return json.dumps(document).encode()


def _debian() -> Path:
    done = subprocess.run(
        ["sh", str(REPOSITORY / "scripts/rootfs.sh"), "debian"], check=True, stdout=subprocess.PIPE, text=True
    )
    return Path(done.stdout.strip())


def _generated(part: Part, scale: float, folder: Path) -> Layer:
    path = folder / f"{part.top.replace('/', '-')}.tar"
    if not path.exists():
        unfinished = path.with_suffix(".new")
        with tarfile.open(unfinished, "w", format=tarfile.PAX_FORMAT) as tar:
            _fill(tar, part, round(part.files * scale))
        unfinished.rename(path)
    return _compressed(path, path.with_suffix(".tar.gz"))


def _fill(tar: tarfile.TarFile, part: Part, files: int) -> None:
    """Directories of about 60 files; sizes are skewed, as those of files are; now and then a link."""
    random_state = random.Random(part.top)  # noqa: S311 the same files every time
    pool = _words(random_state)
    for folder in (part.top.partition("/")[0], part.top):
        _add(tar, folder, None)
    name = ""
    for number in range(files):
        directory = f"{part.top}/{number // 720:02}/{number // 60 % 12:02}"
        if number % 720 == 0:
            _add(tar, directory.rpartition("/")[0], None)
        if number % 60 == 0:
            _add(tar, directory, None)
        if number % 60 == 30:
            _link(tar, f"{directory}/{number}.symlink", tarfile.SYMTYPE, name.rpartition("/")[2])
        if number % 60 == 45:
            _link(tar, f"{directory}/{number}.link", tarfile.LNKTYPE, name)
        size = min(int(random_state.lognormvariate(0, 1) * part.size / 1.65), 40 * part.size)
        name = f"{directory}/{number}.{'txt' if random_state.random() < 0.5 else 'bin'}"
        _add(tar, name, b"".join(_content(random_state, pool, size, part.text)))


def _content(random_state: random.Random, pool: bytes, size: int, text: float) -> Iterator[bytes]:
    while size > 0:
        length = min(size, 4096)
        size -= length
        if random_state.random() < text:
            start = random_state.randrange(len(pool) - length)
            yield pool[start : start + length]
        else:
            yield random_state.randbytes(length)


def _words(random_state: random.Random) -> bytes:
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    words = ["".join(random_state.choices(letters[:14], k=random_state.randint(2, 9))) for _ in range(500)]
    weights = [1 / (rank + 2) for rank in range(500)]
    return " ".join(random_state.choices(words, weights, k=1_500_000)).encode()


def _add(tar: tarfile.TarFile, name: str, data: bytes | None) -> None:
    info = tarfile.TarInfo(name)
    info.mtime = _TIME
    if data is None:
        info.type, info.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(info)
    else:
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))


def _link(tar: tarfile.TarFile, name: str, kind: bytes, target: str) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mtime = kind, target, _TIME
    if kind == tarfile.SYMTYPE:
        info.mode = 0o777
    tar.addfile(info)


def _compressed(tar: Path, blob: Path) -> Layer:
    """The tar as a layer, by zlib's usual level, as docker's builders compress."""
    if not blob.exists():
        unfinished = blob.with_suffix(".new")
        with tar.open("rb") as source, gzip.GzipFile(unfinished, "wb", 6, mtime=0) as target:
            while chunk := source.read(1 << 20):
                target.write(chunk)
        unfinished.rename(blob)
    return Layer(tar, blob, _digest(tar), _digest(blob), blob.stat().st_size)


def _digest(path: Path) -> str:
    known = path.with_name(path.name + ".sha256")
    if path.parent.parent == _CACHE and known.exists():
        return known.read_text()
    with path.open("rb") as file:
        digest = f"sha256:{hashlib.file_digest(_binary(file), 'sha256').hexdigest()}"
    if path.parent.parent == _CACHE:
        known.write_text(digest)
    return digest


def _binary(file: IO[bytes]) -> io.BufferedReader:
    assert isinstance(file, io.BufferedReader)
    return file


def _listed(layer: Layer) -> dict[str, Node]:
    return list_tar(layer.tar)
