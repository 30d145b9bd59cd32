"""The two engines with their registries, and what each script of cases gave."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import zstandard
from tests.compat import images
from tests.compat.compare import Case, Output, Sides
from tests.support.dockerd import Dockerd
from tests.support.images import directory, entry, hardlink, symlink, tar
from tests.support.registry import RegistryServer


class Scripts:
    """The topics that have run."""

    def __init__(self, sides: Sides) -> None:
        self.names = sides.names
        self._sides = sides
        self._results: dict[str, list[tuple[Output, Output]]] = {}

    def __call__(self, topic: str) -> list[tuple[Output, Output]]:
        """docker's and pallet's output of each of a topic's cases."""
        if topic not in self._results:
            self._results[topic] = self._run(import_module(f"tests.compat.cases.{topic}").CASES)
        return self._results[topic]

    def _run(self, cases: list[Case]) -> list[tuple[Output, Output]]:
        """Run a topic; once more if lines differ: what is due to timing seldom comes twice, a real difference does."""
        first = self._sides.run(cases)
        agreed = [self._agree(case, *pair) for case, pair in zip(cases, first, strict=True)]
        if all(agreed):
            return first
        second = self._sides.run(cases)
        return [once if well else again for once, again, well in zip(first, second, agreed, strict=True)]

    def _agree(self, case: Case, docker: Output, pallet: Output) -> bool:
        expected = case.expected(docker, self.names)
        same = (pallet.stdout, pallet.stderr, pallet.code) == (expected.stdout, expected.stderr, expected.code)
        return case.setup or (same and (not case.why or docker != pallet))


def _fill(place: Path) -> None:
    """The files that lines may use."""
    tree = tar(
        [
            directory("bin/"),
            entry("bin/tool", b"tool\n", mode=0o755),
            entry("etc/conf", b"conf\n" * 100, uid=7, gid=8),
            symlink("etc/link", "conf"),
            hardlink("etc/hard", "etc/conf"),
        ],
        format=tarfile.GNU_FORMAT,
    )
    (place / "fs.tar").write_bytes(tree)
    (place / "fs.tar.gz").write_bytes(gzip.compress(tree, mtime=0))
    (place / "fs.tar.bz2").write_bytes(bz2.compress(tree))
    (place / "fs.tar.xz").write_bytes(lzma.compress(tree))
    (place / "fs.tar.zst").write_bytes(zstandard.ZstdCompressor().compress(tree))
    (place / "text").write_text("this is no archive\n" * 100)
    (place / "empty").write_bytes(b"")
    empty = io.BytesIO()
    tarfile.open(fileobj=empty, mode="w").close()
    (place / "empty.tar").write_bytes(empty.getvalue())
    (place / "env").write_text("# a comment\nFROM_FILE=yes\n  PADDED=1\n\nCOPIED\n")
    (place / "bad-env").write_text("A B=c\n")
    (place / "mounted").mkdir()
    (place / "mounted/file").write_text("from outside\n")


@pytest.fixture(scope="session")
def scripts(dockerd: Dockerd, registry: RegistryServer, busybox_tar: Path) -> Iterator[Scripts]:
    """What both engines gave for each case of a topic; a topic runs when it is first asked for."""
    made = images.make(busybox_tar)
    with RegistryServer() as own:
        for server in (registry, own):
            images.seed(made, server.url)
        names, known = images.names(made), images.known_hex(made)
        yield Scripts(Sides(dockerd, (registry.host, own.host), names, known, _fill))
