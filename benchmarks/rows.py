"""What is measured: one function a row, for one engine and one repetition; each checks what it made."""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from tests.support.registry import RegistryServer
from tests.support.tree import Node, difference, list_tar

from benchmarks.engines import Engine, Skopeo
from benchmarks.images import Image
from benchmarks.measure import Failed, Sample
from benchmarks.results import Results

# What an engine puts into every container, and directories whose times change by that.
_ENGINES_OWN = (
    *(".", ".dockerenv", "dev", "dev/console", "dev/pts", "dev/shm", "etc", "etc/hostname", "etc/hosts", "etc/mtab"),
    *("etc/resolv.conf", "proc", "sys", "run", "run/.containerenv"),
)
# A copy of thousands of files, and a directory less.
_CHANGE = (
    "mkdir /srv/copy && for each in 00 01 02 03 04; do"
    " [ ! -d /opt/application/$each ] || cp -a /opt/application/$each /srv/copy/; done;"
    " rm -rf /opt/packages/00"
)


class Bench:
    """One run's state.

    Args:
        results: where the samples go.
        registry: has `main` and `other`.
        main: the image.
        other: an image that shares all layers of it but one.
        archive: `main` as docker's archive.
        work: for files; what is in it may go.
    """

    def __init__(
        self, results: Results, registry: RegistryServer, main: Image, other: Image, archive: Path, work: Path
    ) -> None:
        self.results = results
        self.registry = registry
        self.main = main
        self.other = other
        self.archive = archive
        self.work = work
        self.thorough = False  # in the last repetition trees are compared, too
        self._tree: dict[str, Node] = {}
        self._imported: Path | None = None
        self._import_digest = ""

    def name(self, image: Image) -> str:
        """The image's name in the registry."""
        return f"{self.registry.host}/{image.name}:1"

    # rows

    def pull_cold(self, engine: Engine | Skopeo) -> None:
        """Into an empty store, ready to run."""
        self._take("pull", engine, engine.pull(self.name(self.main)))
        if isinstance(engine, Engine):
            self._expect(engine.image_id(self.name(self.main)), self.main.config.digest, "the pulled image's id")

    def pull_again(self, engine: Engine) -> None:
        """What is up to date already."""
        self._take("pull again (up to date)", engine, engine.pull(self.name(self.main)))

    def pull_shared(self, engine: Engine) -> None:
        """An image of which only the topmost layer is missing."""
        self._take("pull, all layers but one here", engine, engine.pull(self.name(self.other)))
        self._expect(engine.image_id(self.name(self.other)), self.other.config.digest, "the second image's id")

    def run(self, engine: Engine) -> None:
        """A container that does nothing, without a network and with one."""
        image = self.name(self.main)
        for _ in range(5):
            alone = engine.timed("run", "--rm", "--network", "none", image, "true")
            self._take("run --rm --network none true", engine, alone)
        for _ in range(3):
            self._take("run --rm true", engine, engine.timed("run", "--rm", image, "true"))

    def exec(self, engine: Engine) -> None:
        """One more process in a container, which does nothing."""
        engine.remove_container("held")
        engine.do("run", "-d", "--network", "none", "--name", "held", self.name(self.main), "sleep", "1000")
        try:
            for _ in range(5):
                self._take("exec true", engine, engine.timed("exec", "held", "true"))
        finally:
            engine.remove_container("held")

    def commit(self, engine: Engine) -> None:
        """The changes of a container become a layer."""
        with self._container(engine, "changed", "sh", "-c", _CHANGE):
            self._take("commit", engine, engine.timed("commit", "changed", "bench/committed:1"))
            ids = engine.diff_ids("bench/committed:1")
            self._expect(ids[:-1], [layer.diff_id for layer in self.main.layers], "the committed image's lower layers")
            if self.thorough:
                before = self._exported(engine, "changed")
                with self._container(engine, "again", "true", image="bench/committed:1"):
                    self._same(self._exported(engine, "again"), before, engine, "commit")

    def export(self, engine: Engine) -> None:
        """A container's whole tree as a tar."""
        target = self.work / f"{engine.name}.tar"
        target.unlink(missing_ok=True)
        with self._container(engine, "plain", "true"):
            self._take("export", engine, engine.timed("export", "-o", str(target), "plain"))
        if self.thorough:
            self._tree = self._tree or self.main.tree()
            self._same(list_tar(target), self._tree, engine, "pull and export")
        if self._imported is None:
            self._imported = self.work / "import.tar"
            self._imported.hardlink_to(target)
            with target.open("rb", buffering=0) as file:
                digest = hashlib.sha256()
                while chunk := file.read(1 << 20):
                    digest.update(chunk)
            self._import_digest = f"sha256:{digest.hexdigest()}"
        target.unlink()

    def import_(self, engine: Engine) -> None:
        """A tar becomes an image; all engines get the same."""
        assert self._imported is not None, "export comes first"
        self._take("import", engine, engine.timed("import", str(self._imported), "bench/imported:1"))
        self._expect(engine.diff_ids("bench/imported:1"), [self._import_digest], "the imported layer's digest")

    def save(self, engine: Engine | Skopeo) -> None:
        """An image as an archive."""
        target = self.work / "saved.tar"
        target.unlink(missing_ok=True)
        if isinstance(engine, Skopeo):
            self._take("save", engine, engine.save(target))
        else:
            self._take("save", engine, engine.timed("save", "-o", str(target), self.name(self.main)))
            self._check_archive(target)
        target.unlink()

    def push(self, engine: Engine | Skopeo) -> None:
        """To a registry that has nothing of it."""
        with RegistryServer() as registry:
            target = f"{registry.host}/{self.main.name}:1"
            if isinstance(engine, Engine):
                engine.do("tag", self.name(self.main), target)
            self._take("push, empty registry", engine, engine.push(target))
            if isinstance(engine, Engine):
                digest = Skopeo(self.work / "look", engine.group).config_digest(target)
                self._expect(digest, self.main.config.digest, "the pushed image's config")

    def copy(self, engine: Engine | Skopeo) -> None:
        """From one registry to another, past all stores; docker and podman have no such command."""
        with RegistryServer() as registry:
            ends = [f"docker://{name}" for name in (self.name(self.main), f"{registry.host}/{self.main.name}:1")]
            if isinstance(engine, Skopeo):
                sample = engine.timed_copy(*ends)
            elif engine.name == "pallet":
                sample = engine.timed("image", "copy", *ends)
            else:
                return
            self._take("copy, registry to registry", engine, sample)
            if isinstance(engine, Engine):
                digest = Skopeo(self.work / "look", engine.group).config_digest(ends[1].removeprefix("docker://"))
                self._expect(digest, self.main.config.digest, "the copied image's config")

    def load(self, engine: Engine) -> None:
        """docker's archive into an empty store."""
        self._take("load", engine, engine.timed("load", "-i", str(self.archive)))
        self._expect(engine.image_id(f"{self.main.name}:1"), self.main.config.digest, "the loaded image's id")

    # checks

    def _take(self, row: str, engine: Engine | Skopeo, sample: Sample) -> None:
        self.results.row(row).add(engine.name, sample)

    def _expect(self, found: object, wanted: object, what: str) -> None:
        if found != wanted:
            raise Failed(f"{what}: {found} instead of {wanted}")

    def _same(self, found: dict[str, Node], wanted: dict[str, Node], engine: Engine, what: str) -> None:
        # docker's and podman's export leaves xattrs out.
        ignore = (*(f"./{name}" for name in _ENGINES_OWN), *(() if engine.name == "pallet" else ("xattrs",)))
        lines = difference(found, wanted, ignore=ignore)
        if lines:
            raise Failed(f"{what}: {len(lines)} differences, such as {'; '.join(lines[:3])}")
        self.results.verified.append(f"{engine.name}: {what}: {len(wanted)} names the same")

    def _exported(self, engine: Engine, container: str) -> dict[str, Node]:
        target = self.work / "check.tar"
        target.unlink(missing_ok=True)
        engine.do("export", "-o", str(target), container)
        listed = list_tar(target)
        target.unlink()
        return listed

    def _check_archive(self, path: Path) -> None:
        """The archive holds our config, and layers with its diff IDs."""
        with tarfile.open(path) as archive:
            manifest = archive.extractfile("manifest.json")
            assert manifest is not None
            item = json.load(manifest)[0]
            config = archive.extractfile(item["Config"])
            assert config is not None
            found = f"sha256:{hashlib.sha256(config.read()).hexdigest()}"
            self._expect(found, self.main.config.digest, "the saved image's config")
            self._expect(len(item["Layers"]), len(self.main.layers), "the saved image's layers")
            if self.thorough:
                for name, layer in zip(item["Layers"], self.main.layers, strict=True):
                    self._expect(_diff_id(archive, name), layer.diff_id, f"the saved layer {name}")

    @contextmanager
    def _container(self, engine: Engine, name: str, *command: str, image: str = "") -> Iterator[None]:
        engine.remove_container(name)
        engine.do("run", "--name", name, image or self.name(self.main), *command)
        try:
            yield
        finally:
            engine.remove_container(name)


def _diff_id(archive: tarfile.TarFile, name: str) -> str:
    member = archive.getmember(name)
    if member.issym():  # docker links layers that are the same
        member = archive.getmember(str(Path(name).parent.joinpath(member.linkname)))
    file = archive.extractfile(member)
    assert file is not None
    zipped = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    source = cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if zipped else file
    digest = hashlib.sha256()
    while chunk := source.read(1 << 20):
        digest.update(chunk)
    return f"sha256:{digest.hexdigest()}"
