"""Archives of pallet in docker, podman and skopeo, and theirs in pallet: the image's id is the same everywhere."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import need, scratch
from tests.support.archives import MadeSource, contents, copy
from tests.support.dockerd import Dockerd
from tests.support.images import Compression, Image, Style, directory, entry, image, index, symlink, tar

from pallet.archive.detect import open_archive
from pallet.archive.docker_writer import DockerArchiveSink
from pallet.archive.oci_writer import OciArchiveSink, OciLayoutSink

KINDS: list[tuple[Style, Compression]] = [
    (style, compression) for style in ("oci", "docker") for compression in ("gzip", "zstd", "plain")
]


def run(*command: str) -> str:
    """Runs a command and gives what it printed.

    Raises:
        AssertionError: it failed.
    """
    done = subprocess.run([need(command[0]), *command[1:]], check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


class Podman:
    """podman with a store of its own."""

    def __init__(self, place: Path) -> None:
        self._options = ["--root", f"{place}/root", "--runroot", f"{place}/run", "--tmpdir", f"{place}/tmp"]
        self._options += ["--storage-driver", "vfs", "--events-backend", "none"]

    def __call__(self, *args: str) -> str:
        return run("podman", *self._options, *args)


@pytest.fixture
def podman() -> Iterator[Podman]:
    place = scratch("p")  # podman takes 50 characters at most
    yield Podman(place)
    shutil.rmtree(place)


def make(name: str, compression: Compression = "gzip", style: Style = "oci", architecture: str = "amd64") -> Image:
    """An image whose layers are like no other test's, so that no tool has them already."""
    unique = f"{name} {compression} {style} {architecture}".encode()
    lower = tar([directory("etc/"), entry("etc/lower", b"lower" + unique * 900), symlink("lnk", "etc/lower")])
    upper = tar([entry("etc/upper", b"upper" + unique * 900), entry("etc/.wh.lower")])
    config = {"Cmd": ["/bin/true"], "Labels": {"made-for": unique.decode()}}
    return image([lower, upper], compression=compression, style=style, config=config, architecture=architecture)


def save_docker(path: Path, *images: tuple[Image, list[str]]) -> None:
    with path.open("wb") as out:
        sink = DockerArchiveSink(out)
        for made, names in images:
            copy(MadeSource(made), sink, *names)
        sink.finish()


def save_oci(path: Path, made: Image, *names: str) -> None:
    with path.open("wb") as out:
        sink = OciArchiveSink(out)
        copy(MadeSource(made), sink, *names)
        sink.finish()


def saved_ids(path: Path, spool: Path) -> dict[tuple[str, ...], str]:
    """What pallet finds in an archive: the id of each image by its names; all blobs are checked on the way."""
    found: dict[tuple[str, ...], str] = {}
    with open_archive(path, str(spool)) as opened:
        for each in opened.images:
            blobs = contents(each)
            document = json.loads(blobs[str(each.source.root().digest)])
            config = json.loads(blobs[document["config"]["digest"]])
            assert len(config["rootfs"]["diff_ids"]) == len(document["layers"])
            found[tuple(str(name) for name in each.names)] = document["config"]["digest"]
    return found


@pytest.fixture
def untag(dockerd: Dockerd) -> Iterator[list[str]]:
    """Names to be removed from docker after the test."""
    names: list[str] = []
    yield names
    if names:
        assert dockerd.docker("rmi", "-f", *names).code == 0


@pytest.mark.parametrize(("style", "compression"), KINDS)
def test_docker_loads_ours(
    dockerd: Dockerd, untag: list[str], style: Style, compression: Compression, tmp_path: Path
) -> None:
    first, second = make("docker one", compression, style), make("docker two", compression, style)
    names = ["archive/first:1", "archive/first:2", "localhost:5000/archive/second:1"]
    save_docker(tmp_path / "a.tar", (first, names[:2]), (second, names[2:]))
    loaded = dockerd.docker("load", "-i", str(tmp_path / "a.tar"))
    untag += names
    assert loaded.stdout.splitlines() == [f"Loaded image: {name}" for name in names], loaded.stderr
    for name, made in zip(names, (first, first, second), strict=True):
        inspected = json.loads(dockerd.docker("image", "inspect", name).stdout)[0]
        assert inspected["Id"] == made.config.digest
        assert inspected["RootFS"]["Layers"] == list(made.diff_ids)


def test_docker_loads_ours_from_a_pipe(dockerd: Dockerd, untag: list[str], tmp_path: Path) -> None:
    made = make("piped")
    save_docker(tmp_path / "a.tar", (made, []))
    loaded = dockerd.docker("load", stdin=(tmp_path / "a.tar").read_bytes())
    untag.append(made.config.digest)
    assert loaded.stdout == f"Loaded image ID: {made.config.digest}\n"


def test_docker_saves_for_us(dockerd: Dockerd, untag: list[str], busybox_tar: Path, tmp_path: Path) -> None:
    names = ["archive/saved:1", "archive/saved:2"]
    untag += names
    image_id = dockerd.docker("import", str(busybox_tar), names[0]).stdout.strip()
    assert dockerd.docker("tag", *names).code == 0
    saved = dockerd.docker("save", "-o", str(tmp_path / "saved.tar"), *names)
    assert saved.code == 0, saved.stderr
    ((found, found_id),) = saved_ids(tmp_path / "saved.tar", tmp_path).items()
    assert found_id == image_id
    assert sorted(found) == [f"docker.io/{name}" for name in names]


def test_docker_s_archive_keeps_its_layers_through_us(dockerd: Dockerd, untag: list[str], tmp_path: Path) -> None:
    """docker save, pallet in and out again, docker load."""
    made = make("through")
    save_docker(tmp_path / "one.tar", (made, ["archive/through:1"]))
    untag.append("archive/through:1")
    assert dockerd.docker("load", "-i", str(tmp_path / "one.tar")).code == 0
    assert dockerd.docker("save", "-o", str(tmp_path / "two.tar"), "archive/through:1").code == 0
    with open_archive(tmp_path / "two.tar", str(tmp_path)) as opened, (tmp_path / "three.tar").open("wb") as out:
        sink = DockerArchiveSink(out)
        copy(opened.images[0].source, sink, "archive/through:1")
        sink.finish()
    assert dockerd.docker("rmi", "archive/through:1").code == 0
    assert dockerd.docker("load", "-i", str(tmp_path / "three.tar")).stdout == "Loaded image: archive/through:1\n"
    inspected = dockerd.docker("image", "inspect", "-f", "{{.Id}}", "archive/through:1")
    assert inspected.stdout.strip() == made.config.digest


@pytest.mark.parametrize(("style", "compression"), KINDS)
def test_podman_loads_ours(podman: Podman, style: Style, compression: Compression, tmp_path: Path) -> None:
    first, second = make("podman one", compression, style), make("podman two", compression, style)
    save_docker(tmp_path / "d.tar", (first, ["quay.io/archive/first:1", "quay.io/archive/first:2"]))
    save_oci(tmp_path / "o.tar", second, "quay.io/archive/second:1")
    podman("load", "-q", "-i", str(tmp_path / "d.tar"))
    podman("load", "-q", "-i", str(tmp_path / "o.tar"))
    listed = podman("images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}").splitlines()
    assert sorted(listed) == [
        f"quay.io/archive/first:1 {first.config.digest}",
        f"quay.io/archive/first:2 {first.config.digest}",
        f"quay.io/archive/second:1 {second.config.digest}",
    ]


def test_podman_saves_for_us(podman: Podman, tmp_path: Path) -> None:
    made = make("podman saves")
    save_docker(tmp_path / "in.tar", (made, ["quay.io/archive/saved:1"]))
    podman("load", "-q", "-i", str(tmp_path / "in.tar"))
    for form in ("docker-archive", "oci-archive", "oci-dir"):
        out = tmp_path / form
        podman("save", "-q", "--format", form, "-o", str(out), "quay.io/archive/saved:1")
        assert list(saved_ids(out, tmp_path).values()) == [made.config.digest], form
        if form != "oci-dir":  # podman names nothing in a directory
            assert list(saved_ids(out, tmp_path)) == [("quay.io/archive/saved:1",)], form


@pytest.mark.parametrize(("style", "compression"), KINDS)
def test_skopeo_reads_ours(style: Style, compression: Compression, tmp_path: Path) -> None:
    made = make("skopeo", compression, style)
    save_docker(tmp_path / "d.tar", (made, ["archive/one:1", "archive/one:2"]))
    save_oci(tmp_path / "o.tar", made, "archive/one:1", "archive/one:2")
    sink = OciLayoutSink(tmp_path / "layout")
    copy(MadeSource(made), sink, "archive/one:1", "archive/one:2")
    sink.finish()
    sources = [
        f"docker-archive:{tmp_path}/d.tar:archive/one:2",
        f"oci-archive:{tmp_path}/o.tar:2",
        f"oci:{tmp_path}/layout:2",
    ]
    for number, source in enumerate(sources):
        target = tmp_path / f"copy{number}"
        run("skopeo", "--insecure-policy", "copy", "-q", source, f"dir:{target}")
        config = json.loads((target / "manifest.json").read_bytes())["config"]["digest"]
        assert config == made.config.digest, source


def test_skopeo_writes_for_us(tmp_path: Path) -> None:
    made = make("skopeo writes")
    name = "quay.io/archive/one:1"
    save_docker(tmp_path / "in.tar", (made, [name]))
    # From docker's format to OCI's and back skopeo writes the config anew, and the id with it: so each from its own.
    docker, oci = f"docker-archive:{tmp_path}/in.tar:{name}", f"oci-archive:{tmp_path}/in.tar"
    for source, target, place, names in (
        (docker, f"docker-archive:{tmp_path}/d.tar:{name}", "d.tar", (name,)),
        (oci, f"oci-archive:{tmp_path}/o.tar:{name}", "o.tar", (name,)),
        (oci, f"oci:{tmp_path}/layout:1", "layout", ()),
    ):
        run("skopeo", "--insecure-policy", "copy", "-q", source, target)
        assert saved_ids(tmp_path / place, tmp_path) == {names: made.config.digest}
    with open_archive(tmp_path / "layout", str(tmp_path)) as opened:
        assert opened.select("1") == opened.images[0]


def test_skopeo_chooses_a_platform_from_an_index_of_ours(tmp_path: Path) -> None:
    made = index([make("indexed", architecture=name) for name in ("arm64", "amd64")])
    sink = OciLayoutSink(tmp_path / "layout")
    copy(MadeSource(made), sink, "archive/indexed:1")
    sink.finish()
    with (tmp_path / "d.tar").open("wb") as out:
        archive = DockerArchiveSink(out)
        copy(MadeSource(made), archive, "archive/indexed:1")
        archive.finish()
    for source in (f"oci:{tmp_path}/layout:1", f"oci-archive:{tmp_path}/d.tar"):
        chosen = run("skopeo", "--override-arch", "arm64", "inspect", "--raw", "--config", source)
        assert json.loads(chosen)["architecture"] == "arm64"


def test_umoci_reads_our_layout(tmp_path: Path) -> None:
    made = make("umoci", style="docker")
    sink = OciLayoutSink(tmp_path / "layout")
    copy(MadeSource(made), sink, "archive/umoci:1")
    sink.finish()
    run("umoci", "raw", "unpack", "--image", f"{tmp_path}/layout:1", f"{tmp_path}/tree")
    assert sorted(path.name for path in (tmp_path / "tree").rglob("*")) == ["etc", "lnk", "upper"]
