"""Names that lead to several platforms: bases, `run --platform`, archives, and what a repair does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.pallet import Output, PalletCLI
from tests.support.registry import RegistryServer

_BOTH = ("--platform", "linux/amd64,linux/arm64")
_WHICH = 'FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /which\nCMD ["/which"]\n'


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A Dockerfile whose image has another file on each platform."""
    place = tmp_path / "context"
    place.mkdir()
    for name in ("amd64", "arm64"):
        (place / name).write_text(name)
    (place / "Dockerfile").write_text(_WHICH)
    return place


@pytest.fixture
def multi(pallet: PalletCLI, registry: RegistryServer, context: Path) -> str:
    """An index of two platforms, here and in a registry."""
    name = f"{registry.host}/two/base:1"
    pallet.ok("build", *_BOTH, "-t", name, str(context))
    pallet.ok("push", name)
    return name


def which(pallet: PalletCLI, platform: str, dockerfile: str, place: Path) -> str:
    """What `/which` says in an image that is built."""
    (place / "Dockerfile").write_text(dockerfile)
    out = place / "out"
    shutil.rmtree(out, ignore_errors=True)
    done = pallet("build", "--platform", platform, "-o", str(out), str(place))
    assert done.code == 0, done.stderr
    return (out / "which").read_text()


def architecture(pallet: PalletCLI, name: str) -> str:
    return pallet.ok("image", "inspect", "--format", "{{.Architecture}}", name)


def test_a_base_for_another_machine_leaves_the_name_alone(
    make_pallet: Callable[..., PalletCLI], multi: str, tmp_path: Path
) -> None:
    other = make_pallet("other")
    assert which(other, "linux/arm64", f"FROM {multi}\n", tmp_path) == "arm64"
    assert other("image", "inspect", multi).code == 1  # no name was made
    assert which(other, "linux/amd64", f"FROM {multi}\n", tmp_path) == "amd64"
    before = other.ok("image", "inspect", "--format", "{{.Id}} {{.Architecture}}", multi)
    assert before.endswith("amd64")
    meta = tmp_path / "meta"
    words = ("--provenance", "mode=max", "--metadata-file", str(meta))
    other.ok("build", *_BOTH, "--pull", *words, "-t", "made", str(tmp_path))
    assert other.ok("image", "inspect", "--format", "{{.Id}} {{.Architecture}}", multi) == before
    said = [each for key, each in json.loads(meta.read_text()).items() if key.startswith("buildx.build.provenance/")]
    assert len(said) == 2
    digests = {each["materials"][0]["digest"]["sha256"] for each in said}
    assert len(digests) == 1  # the index's, on both


def test_a_local_index_is_a_base_for_all_its_platforms(pallet: PalletCLI, context: Path, tmp_path: Path) -> None:
    pallet.ok("build", *_BOTH, "-t", "local", str(context))
    pallet.ok("builder", "prune", "-af")
    assert which(pallet, "linux/arm64", "FROM local\n", tmp_path) == "arm64"
    assert which(pallet, "linux/amd64", "FROM local\n", tmp_path) == "amd64"
    assert architecture(pallet, "local") == "amd64"
    # The other one, which a build has unpacked by now, is neither shown nor taken for left over.
    (own,) = pallet.ok("image", "ls", "-q", "--no-trunc").splitlines()
    (other,) = set(pallet.ok("image", "ls", "-aq", "--no-trunc").splitlines()) - {own}
    assert pallet.ok("image", "ls", "-q", "--filter", "dangling=true") == ""
    assert pallet.ok("image", "prune", "-f") == "Total reclaimed space: 0B"
    assert architecture(pallet, other) == "arm64"
    pallet.ok("rmi", "local")
    assert pallet.ok("image", "ls", "-q", "--no-trunc") == other
    assert other in pallet.ok("image", "prune", "-f")


def test_create_takes_the_platform_that_is_asked_for(pallet: PalletCLI, context: Path, tmp_path: Path) -> None:
    pallet.ok("build", *_BOTH, "-t", "local", str(context))
    pallet.ok("builder", "prune", "-af")
    for platform in ("arm64", "amd64"):
        pallet.ok("create", "--platform", f"linux/{platform}", "--name", platform, "local")
        pallet.ok("cp", f"{platform}:/which", str(tmp_path / platform))
        assert (tmp_path / platform).read_text() == platform
    refused = pallet("create", "--pull", "never", "--platform", "linux/riscv64", "local")
    assert refused.code == 1
    wrong = "image with reference local was found but does not match the specified platform"
    assert f"{wrong}: wanted linux/riscv64, actual: linux/amd64" in refused.stderr
    assert architecture(pallet, "local") == "amd64"


def test_create_pulls_another_platform(make_pallet: Callable[..., PalletCLI], multi: str) -> None:
    other = make_pallet("other")
    other.ok("pull", multi)
    done = other("create", "--platform", "linux/arm64", "--name", "far", multi)
    assert done.code == 0, done.stderr
    assert f"Unable to find image '{multi}' locally" in done.stderr
    image = other.ok("inspect", "--format", "{{.Image}}", "far")
    assert architecture(other, image) == "arm64"
    mismatch = "The requested image's platform (linux/arm64) does not match the detected host platform (linux/amd64)"
    assert mismatch not in done.stderr
    assert f"WARNING: {mismatch} and no specific platform was requested" in other("create", image).stderr


def entries(place: Path) -> list[dict[str, Any]]:
    return list(json.loads((place / "index.json").read_bytes())["manifests"])


def test_load_keeps_an_index(make_pallet: Callable[..., PalletCLI], multi: str, pallet: PalletCLI) -> None:
    place = pallet.home / "layout"
    pallet.ok("save", "--format", "oci-dir", "-o", str(place), multi)
    other = make_pallet("other")
    assert other.ok("load", "-i", str(place)) == f"Loaded image: {multi}"
    again = other.home / "again"
    other.ok("save", "--format", "oci-dir", "-o", str(again), multi)
    assert entries(again) == entries(place)
    assert {each.name for each in (again / "blobs/sha256").iterdir()} == {
        each.name for each in (place / "blobs/sha256").iterdir()
    }
    assert other("system", "check").code == 0
    other.ok("image", "rm", multi)
    assert list((other.root / "blobs/sha256").iterdir()) == []


def test_load_tells_what_it_cannot_take(make_pallet: Callable[..., PalletCLI], multi: str, pallet: PalletCLI) -> None:
    place = pallet.home / "layout"
    pallet.ok("save", "--format", "oci-dir", "-o", str(place), multi)
    blobs = place / "blobs/sha256"
    index = json.loads((blobs / entries(place)[0]["digest"][7:]).read_bytes())
    (blobs / index["manifests"][1]["digest"][7:]).unlink()
    other = make_pallet("other")
    done = other("load", "-i", str(place))
    assert (done.code, done.stdout.strip()) == (0, f"Loaded image: {multi}")
    assert "WARNING: linux/amd64 alone was loaded" in done.stderr
    assert architecture(other, multi) == "amd64"
    other.ok("push", multi)


def damaged(pallet: PalletCLI, name: str) -> Path:
    """Remove the layer of the foreign platform, and say where it was."""
    place = pallet.home / "look"
    pallet.ok("save", "--format", "oci-dir", "-o", str(place), name)
    blobs = place / "blobs/sha256"
    index = json.loads((blobs / entries(place)[0]["digest"][7:]).read_bytes())
    manifest = json.loads((blobs / index["manifests"][1]["digest"][7:]).read_bytes())
    gone = pallet.root / "blobs/sha256" / manifest["layers"][0]["digest"][7:]
    gone.unlink()
    return gone


def mended(pallet: PalletCLI) -> Output:
    assert pallet("system", "check").code == 1
    done = pallet("system", "check", "--repair")
    assert pallet("system", "check").code == 0, done.stdout
    return done


def test_repair_fetches_what_an_index_lacks(pallet: PalletCLI, multi: str) -> None:
    gone = damaged(pallet, multi)
    done = mended(pallet)
    assert "restored index sha256:" in done.stdout and "restored image" not in done.stdout
    assert gone.exists()
    pallet.ok("push", multi)


def test_repair_drops_an_index_that_cannot_be_had(pallet: PalletCLI, context: Path) -> None:
    pallet.ok("build", *_BOTH, "-t", "local", str(context))
    pallet.ok("builder", "prune", "-af")
    damaged(pallet, "local")
    done = mended(pallet)
    assert "dropped index sha256:" in done.stdout and " alone" in done.stdout
    assert architecture(pallet, "local") == "amd64"
    place = pallet.home / "after"
    pallet.ok("save", "--format", "oci-dir", "-o", str(place), "local")
    assert "index" not in entries(place)[0]["mediaType"]


def test_a_base_for_another_machine_is_asked_for_once(
    make_pallet: Callable[..., PalletCLI], pallet: PalletCLI, context: Path, tmp_path: Path
) -> None:
    other = make_pallet("other")
    with RegistryServer() as server:
        name = f"{server.host}/asked/base"
        pallet.ok("build", *_BOTH, "-t", name, str(context))
        pallet.ok("push", name)
        index = pallet.ok("image", "inspect", "--format", "{{index .RepoDigests 0}}", name)
        tagged, exact = f"FROM {name}\n", f"FROM {index}\n"
        assert [which(other, "linux/arm64", text, tmp_path) for text in (tagged, exact)] == ["arm64", "arm64"]
    for text in (tagged, exact):
        assert which(other, "linux/arm64", text, tmp_path) == "arm64"  # nobody is there to be asked
    (tmp_path / "Dockerfile").write_text(tagged)
    refreshed = other("build", "--pull", "--platform", "linux/arm64", str(tmp_path))
    assert refreshed.code == 1 and "connection refused" in refreshed.stderr
    other.ok("image", "prune", "-af")
    other.ok("builder", "prune", "-af")
    gone = other("build", "--platform", "linux/arm64", str(tmp_path))
    assert gone.code == 1 and "connection refused" in gone.stderr
    assert other("system", "check").code == 0


def test_a_name_that_moved_is_asked_for_again(
    make_pallet: Callable[..., PalletCLI], pallet: PalletCLI, multi: str, context: Path, tmp_path: Path
) -> None:
    """Pulled again for this machine, it stands for another index: what it was for others is not trusted any more."""
    other = make_pallet("other")
    assert which(other, "linux/arm64", f"FROM {multi}\n", tmp_path) == "arm64"
    (context / "arm64").write_text("newer")
    pallet.ok("build", *_BOTH, "-t", multi, str(context))
    pallet.ok("push", multi)
    assert which(other, "linux/arm64", f"FROM {multi}\n", tmp_path) == "arm64"
    other.ok("pull", multi)
    assert which(other, "linux/arm64", f"FROM {multi}\n", tmp_path) == "newer"
