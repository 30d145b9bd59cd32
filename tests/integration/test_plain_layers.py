"""Layers that are kept as plain tars until they leave the machine: import, load, push."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support import images
from tests.support.pallet import PalletCLI
from tests.support.registry import RegistryServer

from pallet.layer.erofs.probe import why_no_images

pytestmark = pytest.mark.root

_GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_PLAIN = "application/vnd.docker.image.rootfs.diff.tar"


@pytest.fixture(scope="module")
def registry() -> Iterator[RegistryServer]:
    with RegistryServer() as server:
        yield server


@pytest.fixture(params=["auto", "overlay"])
def pallet(request: pytest.FixtureRequest, make_pallet: Callable[..., PalletCLI]) -> PalletCLI:
    return make_pallet(env={"PALLET_SNAPSHOTTER": request.param})


def _tar() -> bytes:
    return images.tar(
        [
            images.directory("etc", 0o750, uid=7),
            images.entry("etc/name", b"content\n"),
            images.hardlink("etc/again", "etc/name"),
            images.entry("noise", os.urandom(3_000_000)),
            images.entry("zeros", bytes(2_000_000)),
        ]
    )


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _members(pallet: PalletCLI, image: str) -> dict[str, bytes]:
    """The files of an image, by `export`."""
    pallet.ok("create", "--name", "look", image, "/none")
    tar = pallet("export", "look").raw
    pallet.ok("rm", "look")
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        files = (each for each in archive.getmembers() if each.isreg())
        return {each.name: file.read() for each in files if (file := archive.extractfile(each)) is not None}


def _apart(pallet: PalletCLI) -> list[Path]:
    return sorted((pallet.root / "snapshots").glob("*/layer.tar"))


def test_the_tar_is_the_blob_and_written_once(pallet: PalletCLI, tmp_path: Path) -> None:
    tar = _tar()
    pallet.ok("import", "-", "plain", stdin=tar)
    blob = pallet.root / "blobs/sha256" / _digest(tar)
    assert blob.read_bytes() == tar
    images_here = pallet.env["PALLET_SNAPSHOTTER"] == "auto" and not why_no_images(str(tmp_path / "try"), apart=True)
    assert [each.samefile(blob) for each in _apart(pallet)] == ([True] if images_here else [])
    found = _members(pallet, "plain")
    assert found["etc/again"] == b"content\n"
    assert found["zeros"] == bytes(2_000_000)
    assert pallet.ok("system", "check") == ""


def test_a_tar_that_ends_too_early_is_not_exported(pallet: PalletCLI) -> None:
    pallet.ok("import", "-", "short", stdin=_tar())
    for tar in _apart(pallet):
        os.truncate(tar, 1_000_000)
        pallet.ok("create", "--name", "look", "short", "/none")
        done = pallet("export", "look")
        assert done.code == 1 and "ends too early" in done.stderr


def test_a_push_compresses_and_the_image_stays(pallet: PalletCLI, registry: RegistryServer) -> None:
    tar = _tar()
    id = pallet.ok("import", "-", f"{registry.host}/plain/{pallet.env['PALLET_SNAPSHOTTER']}", stdin=tar).strip()
    name = f"{registry.host}/plain/{pallet.env['PALLET_SNAPSHOTTER']}:latest"
    other = name.removesuffix("latest") + "other"
    pallet.ok("tag", name, other)
    before = _members(pallet, name)
    pallet.ok("push", "-q", name)
    _, _, digest = pallet.ok("image", "inspect", "--format", "{{index .RepoDigests 0}}", name).strip().partition("@")
    manifest = json.loads(registry.blob_path(digest).read_bytes())
    assert [layer["mediaType"] for layer in manifest["layers"]] == [_GZIP]
    assert gzip.decompress(registry.blob_path(manifest["layers"][0]["digest"]).read_bytes()) == tar
    assert not (pallet.root / "blobs/sha256" / _digest(tar)).exists()
    assert pallet.ok("image", "inspect", "--format", "{{.Id}}", name).strip() == id
    assert pallet.ok("system", "check") == ""
    assert _members(pallet, name) == before
    assert "Layer already exists" in pallet.ok("push", other)
    assert registry.blob_path(digest).exists()
    pallet.ok("rmi", "-f", id)
    assert list((pallet.root / "blobs/sha256").iterdir()) == []
    pallet.ok("pull", "-q", name)
    assert _members(pallet, name) == before


def test_a_second_image_uses_the_compressed_layer(pallet: PalletCLI, registry: RegistryServer) -> None:
    tar = _tar()
    where = f"{registry.host}/twice/{pallet.env['PALLET_SNAPSHOTTER']}"
    for tag in ("one", "two"):
        pallet.ok("import", "-m", tag, "-", f"{where}:{tag}", stdin=tar)
    pallet.ok("push", "-q", f"{where}:one")
    assert "Layer already exists" in pallet.ok("push", f"{where}:two")
    assert pallet.ok("system", "check") == ""


def test_what_a_registry_has_is_pushed_as_it_is(pallet: PalletCLI, registry: RegistryServer) -> None:
    made = images.image([_tar()], style="docker", compression="plain")
    where = f"asis/{pallet.env['PALLET_SNAPSHOTTER']}"
    images.push(made, registry.url, where, "1")
    pallet.ok("pull", "-q", f"{registry.host}/{where}:1")
    pallet.ok("tag", f"{registry.host}/{where}:1", f"{registry.host}/{where}:2")
    assert f"digest: {made.manifest.digest}" in pallet.ok("push", f"{registry.host}/{where}:2")


def test_sparse_files_and_odd_tars(pallet: PalletCLI, tmp_path: Path) -> None:
    sparse = tmp_path / "tree/sparse"
    sparse.parent.mkdir()
    with sparse.open("wb") as file:
        file.seek(5_000_000)
        file.write(b"here")
        file.truncate(9_000_000)
    os.system(f"tar -C {tmp_path}/tree --sparse -cf {tmp_path}/sparse.tar .")
    pallet.ok("import", str(tmp_path / "sparse.tar"), "sparse")
    assert _members(pallet, "sparse")["sparse"] == bytes(5_000_000) + b"here" + bytes(9_000_000 - 5_000_004)
    # A name below a symlink makes a layer that can only be unpacked.
    odd = images.tar([images.directory("real"), images.symlink("link", "real"), images.entry("link/file", b"odd")])
    pallet.ok("import", "-", "odd", stdin=odd)
    assert _members(pallet, "odd") == {"real/file": b"odd"}
    assert (pallet.root / "blobs/sha256" / _digest(odd)).read_bytes() == odd
    assert pallet.ok("system", "check") == ""


@pytest.mark.parametrize("tar", [b"no tar" * 1000, b"\x1f\x8b\x08 broken" + bytes(600)], ids=["nonsense", "gzip"])
def test_nothing_stays_of_what_is_no_tar(pallet: PalletCLI, tar: bytes) -> None:
    assert pallet("import", "-", "bad", stdin=tar).code == 1
    assert [each for part in ("blobs/sha256", "ingest", "staging", "snapshots") for each in _inside(pallet, part)] == []


def _inside(pallet: PalletCLI, part: str) -> list[Path]:
    directory = pallet.root / part
    return list(directory.iterdir()) if directory.exists() else []


def test_a_loaded_tar_is_written_once(pallet: PalletCLI, tmp_path: Path) -> None:
    tars = [_tar(), images.tar([images.entry("top", b"top")])]
    made = images.image(tars, style="docker", compression="plain")
    archive = tmp_path / "plain.tar"
    with tarfile.open(archive, "w") as tar:
        layers = {f"{number}/layer.tar": layer for number, layer in enumerate(tars)}
        listed = [{"Config": "config.json", "RepoTags": ["loaded:1"], "Layers": list(layers)}]
        files = {**layers, "config.json": made.config.data, "manifest.json": json.dumps(listed).encode()}
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    pallet.ok("load", "-i", str(archive))
    blobs = {each.stat().st_ino for each in (pallet.root / "blobs/sha256").iterdir()}
    assert all(each.stat().st_ino in blobs for each in _apart(pallet))
    assert _members(pallet, "loaded:1")["top"] == b"top"
    assert pallet.ok("system", "check") == ""


def test_damage_is_found_in_blob_and_layer(pallet: PalletCLI, registry: RegistryServer) -> None:
    made = images.image([_tar()], style="docker", compression="plain")
    name = f"{registry.host}/damaged/{pallet.env['PALLET_SNAPSHOTTER']}:1"
    images.push(made, registry.url, f"damaged/{pallet.env['PALLET_SNAPSHOTTER']}", "1")
    pallet.ok("pull", "-q", name)
    before = _members(pallet, name)
    with (pallet.root / "blobs/sha256" / made.diff_ids[0].removeprefix("sha256:")).open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"damage")
    assert pallet("system", "check").code == 1
    pallet("system", "check", "--repair")
    assert pallet.ok("system", "check") == ""
    assert _members(pallet, name) == before


def test_a_commit_on_an_oci_image(pallet: PalletCLI, registry: RegistryServer, busybox_tar: Path) -> None:
    made = images.image([busybox_tar.read_bytes()], style="oci", compression="plain", config={"Cmd": ["sh"]})
    where = f"commits/{pallet.env['PALLET_SNAPSHOTTER']}"
    images.push(made, registry.url, where, "1")
    pallet.ok(
        "run", "--name", "changed", "--network", "none", f"{registry.host}/{where}:1", "sh", "-c", "echo new >/new"
    )
    id = pallet.ok("commit", "changed", f"{registry.host}/{where}:2")
    digest = next(line for line in pallet.ok("push", f"{registry.host}/{where}:2").splitlines() if "digest: " in line)
    manifest = json.loads(registry.blob_path(digest.split()[2]).read_bytes())
    kinds = [layer["mediaType"].rpartition(".")[2] for layer in manifest["layers"]]
    assert kinds == ["tar", "tar+gzip"]  # what the registry has stays as it is
    assert manifest["layers"][0]["digest"] == made.layers[0].digest
    pallet.ok("rm", "changed")
    pallet.ok("rmi", "-f", id)
    assert pallet.ok("run", "--rm", "--network", "none", f"{registry.host}/{where}:2", "cat", "/new") == "new"
    assert pallet.ok("system", "check") == ""
