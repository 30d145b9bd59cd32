"""`pallet image copy` between registries, layouts and archives, with skopeo as the witness."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from tests.support import images, need
from tests.support.images import Image, Index, entry, image, index, tar
from tests.support.pallet import PalletCLI
from tests.support.registry import RegistryServer

_PLATFORMS = ("amd64", "arm64", "s390x")


def _skopeo(*words: str) -> dict[str, object]:
    done = subprocess.run([need("skopeo"), *words], check=True, capture_output=True, timeout=60)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def _made(name: str) -> Index:
    return index(
        [
            image([tar([entry("name", f"{name} {each}".encode() * 500)])], config={"Cmd": [each]}, architecture=each)
            for each in _PLATFORMS
        ]
    )


@pytest.fixture(scope="module")
def many(registry: RegistryServer) -> Index:
    """An image for three machines: `copy/many` in the registry."""
    made = _made("many")
    images.push(made, registry.url, "copy/many", "1")
    return made


def _raw(where: str) -> dict[str, object]:
    return _skopeo("inspect", "--raw", "--tls-verify=false", where)


def test_from_registry_to_registry_it_stays_what_it_is(
    pallet: PalletCLI, registry: RegistryServer, many: Index
) -> None:
    here, there = (f"docker://{registry.host}/copy/{name}" for name in ("many:1", "more:2"))
    assert pallet.ok("image", "copy", "-q", "--all", here, there) == many.root.digest
    assert _raw(there) == _raw(here)
    again = pallet.ok("image", "copy", "--all", here, there)
    assert again.count("Already there") == len({blob.digest for blob in many.blobs()})
    assert again.endswith(many.root.digest)
    assert not (pallet.root / "db.sqlite").exists()  # all went past the store


def test_one_platform_is_chosen(pallet: PalletCLI, registry: RegistryServer, many: Index) -> None:
    here, there = (f"docker://{registry.host}/copy/{name}" for name in ("many:1", "one"))
    for words, wanted in (([], "amd64"), (["--platform", "linux/s390x"], "s390x")):
        made = many.images[_PLATFORMS.index(wanted)]
        assert pallet.ok("image", "copy", "-q", *words, here, there) == made.manifest.digest
        assert _skopeo("inspect", "--config", "--tls-verify=false", there)["architecture"] == wanted
    failed = pallet("image", "copy", "--platform", "linux/ppc64le", here, there)
    assert (failed.code, failed.stderr) == (1, "no matching manifest for linux/ppc64le in the manifest list entries\n")


def test_through_files_and_back(pallet: PalletCLI, registry: RegistryServer, many: Index, tmp_path: Path) -> None:
    start = f"docker://{registry.host}/copy/many:1"
    ends = [
        f"oci:{tmp_path}/layout:one:1",
        f"oci-archive:{tmp_path}/oci.tar:one:1",
        f"docker-archive:{tmp_path}/docker.tar:one:1",
    ]
    before = start
    for end in ends:
        pallet.ok("image", "copy", before, end)
        before = end
    back = f"docker://{registry.host}/copy/back"
    pallet.ok("image", "copy", before, back)
    ids = {json.dumps(_skopeo("inspect", "--config", "--raw", "--tls-verify=false", where)) for where in (start, back)}
    assert len(ids) == 1
    assert _skopeo("inspect", f"oci:{tmp_path}/layout:1")["Architecture"] == "amd64"
    assert pallet.ok("load", "-q", "-i", f"{tmp_path}/docker.tar") == "Loaded image: one:1"


def test_all_of_an_index_in_a_layout(pallet: PalletCLI, registry: RegistryServer, many: Index, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    pallet.ok("image", "copy", "-a", f"docker://{registry.host}/copy/many:1", f"oci:{layout}:many")
    assert len(_raw(f"oci:{layout}:latest")["manifests"]) == len(_PLATFORMS)  # type: ignore[arg-type]
    pallet.ok("image", "copy", "-a", f"oci:{layout}:many", f"docker://{registry.host}/copy/again")
    assert _raw(f"docker://{registry.host}/copy/again") == _raw(f"docker://{registry.host}/copy/many:1")


@pytest.mark.parametrize(
    ("here", "there", "text"),
    [
        ("ubuntu", "oci:x", 'invalid image name "ubuntu"'),
        ("docker://", "oci:x", 'invalid image name "docker://"'),
        ("docker:ubuntu", "oci:x", 'invalid image name "docker:ubuntu"'),
        ("oci:", "oci:x", 'invalid image name "oci:"'),
        ("oci:/nosuch", "oci:x", "open /nosuch: no such file or directory"),
        ("docker://A", "oci:x", "invalid reference format: repository name must be lowercase"),
        ("docker://{host}/copy/none", "docker-archive:x", "manifest unknown: manifest unknown"),
    ],
)
def test_what_cannot_be(
    pallet: PalletCLI, registry: RegistryServer, tmp_path: Path, here: str, there: str, text: str
) -> None:
    failed = pallet("image", "copy", here.format(host=registry.host), there, cwd=tmp_path)
    assert failed.code == 1
    assert text in failed.stderr
    assert "Traceback" not in failed.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_blob_is_not_passed_on(pallet: PalletCLI, registry: RegistryServer, tmp_path: Path) -> None:
    made: Image = image([tar([entry("file", b"content" * 1000)])])
    images.push(made, registry.url, "copy/damaged", "latest")
    path = registry.blob_path(made.layers[0].digest)
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    path.write_bytes(content)
    for transport in ("oci-archive", "docker-archive", "oci"):
        place = tmp_path / transport
        failed = pallet("image", "copy", f"docker://{registry.host}/copy/damaged", f"{transport}:{place}")
        assert failed.code == 1
        assert made.layers[0].digest in failed.stderr
        assert not (place / "index.json" if transport == "oci" else place).exists()
