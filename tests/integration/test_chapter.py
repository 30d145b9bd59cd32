"""The image chapter, command by command, on a real Debian that a real registry serves as docker.io's ubuntu."""

from __future__ import annotations

import json
import re
import tarfile
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support import wait_until
from tests.support.images import Image, image, push
from tests.support.pallet import PalletCLI
from tests.support.registry import RegistryServer

pytestmark = pytest.mark.root

ID = re.compile(r"sha256:[0-9a-f]{64}")
SERVE = ["httpd", "-f", "-p", "80", "-h", "/www"]
PAGE = "<html><body><h1>It works!</h1></body></html>\n"


@pytest.fixture(scope="module")
def ubuntu(debian_tar: Path) -> dict[str, Image]:
    """Three images on the same layer, by tag; the later the release, the later it was made."""
    system = debian_tar.read_bytes()
    made = {"18.04": "2023-05-30T09:32:09Z", "focal": "2024-04-10T18:21:51Z", "latest": "2024-04-27T13:17:12Z"}
    return {
        tag: image([system], created=created, config={"Cmd": ["/bin/bash"], "Labels": {"tag": tag}})
        for tag, created in made.items()
    }


@pytest.fixture
def served(ubuntu: dict[str, Image], busybox_tar: Path, make_pallet: Callable[..., PalletCLI]) -> Iterator[PalletCLI]:
    """pallet, with a registry of its own as docker.io's mirror."""
    config = {"Cmd": SERVE, "Env": ["PATH=/bin"], "ExposedPorts": {"80/tcp": {}}}
    with RegistryServer() as registry:
        for tag, made in ubuntu.items():
            push(made, registry.url, "library/ubuntu", tag)
        push(image([busybox_tar.read_bytes()], config=config), registry.url, "library/httpd")
        pallet = make_pallet()
        pallet.mirror(registry.url)
        yield pallet


def page(port: int = 80) -> str:
    """The page that a container serves, once it does."""
    found: list[str] = []

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2) as response:
                found.append(response.read().decode())
        except OSError:
            return False
        return True

    wait_until(answers, f"port {port} answers")
    return found[0]


def test_images(served: PalletCLI, ubuntu: dict[str, Image]) -> None:
    pallet, latest = served, ubuntu["latest"]
    layer = latest.layers[0].digest.removeprefix("sha256:")[:12]
    assert pallet.ok("image", "pull", "ubuntu").splitlines() == [
        "Using default tag: latest",
        "latest: Pulling from library/ubuntu",
        f"{layer}: Pulling fs layer",
        f"{layer}: Verifying Checksum",
        f"{layer}: Download complete",
        f"{layer}: Pull complete",
        f"Digest: {latest.manifest.digest}",
        "Status: Downloaded newer image for ubuntu:latest",
        "docker.io/library/ubuntu:latest",
    ]
    assert "Status: Image is up to date for ubuntu:latest" in pallet.ok("image", "pull", "ubuntu:latest")
    # The others have the same layer: only their configs come.
    assert f"{layer}: Already exists" in pallet.ok("image", "pull", "ubuntu:focal")
    assert pallet.ok("image", "pull", "-q", "ubuntu:18.04") == "docker.io/library/ubuntu:18.04"

    lines = pallet.ok("image", "ls").splitlines()
    assert lines[0].split() == ["REPOSITORY", "TAG", "IMAGE", "ID", "CREATED", "SIZE"]
    assert [line.split()[:3] for line in lines[1:]] == [
        ["ubuntu", tag, ubuntu[tag].config.digest[7:19]] for tag in ("latest", "focal", "18.04")
    ]
    assert pallet.ok("image", "ls", "-q", "ubuntu:18.04") == ubuntu["18.04"].config.digest[7:19]

    (inspected,) = json.loads(pallet.ok("image", "inspect", "ubuntu:18.04"))
    assert inspected["Id"] == ubuntu["18.04"].config.digest
    assert inspected["RepoDigests"] == [f"ubuntu@{ubuntu['18.04'].manifest.digest}"]
    assert inspected["RootFS"] == {"Type": "layers", "Layers": list(latest.diff_ids)}
    assert inspected["Size"] > 50_000_000
    assert pallet.ok("image", "inspect", "--format={{ .RepoTags }}", "ubuntu:18.04") == "[ubuntu:18.04]"
    assert pallet.ok("image", "inspect", "--format={{ .Os }}", "ubuntu:18.04") == "linux"

    pallet.ok("image", "tag", "ubuntu:18.04", "docker_username/ubuntu:1.0")
    tags = pallet.ok("image", "inspect", "--format={{ .RepoTags }}", "ubuntu:18.04")
    assert tags == "[docker_username/ubuntu:1.0 ubuntu:18.04]"
    assert pallet.ok("image", "rm", "docker_username/ubuntu:1.0") == "Untagged: docker_username/ubuntu:1.0"
    removed = pallet.ok("image", "rm", "ubuntu:18.04").splitlines()
    assert removed == [
        "Untagged: ubuntu:18.04",
        f"Untagged: ubuntu@{ubuntu['18.04'].manifest.digest}",
        f"Deleted: {ubuntu['18.04'].config.digest}",
    ]
    missing = pallet("image", "inspect", "ubuntu:18.04")
    assert (missing.stdout, missing.stderr, missing.code) == ("[]\n", "Error: No such image: ubuntu:18.04\n", 1)

    assert pallet.ok("container", "run", "--rm", "ubuntu", "/bin/echo", "Hello, World") == "Hello, World"
    assert "Debian" in pallet.ok("container", "run", "--rm", "ubuntu:focal", "cat", "/etc/os-release")
    assert (
        pallet.ok("image", "rm", "ubuntu:latest", "ubuntu:focal").splitlines()[-1] == f"Deleted: {latest.diff_ids[0]}"
    )
    assert pallet.ok("image", "ls", "-aq") == ""
    assert not list((pallet.root / "blobs/sha256").iterdir())


def test_changes(served: PalletCLI, tmp_path: Path) -> None:
    pallet = served
    pallet.ok(
        "container", "run", "--name", "test1", "ubuntu:focal", "sh", "-c", "echo changed > /etc/motd; rm /etc/issue"
    )
    assert pallet.ok(
        "container", "commit", "-a", "ASA <asa@example.com>", "-m", "new motd", "test1", "test1/ubuntu:1.0"
    )
    (inspected,) = json.loads(pallet.ok("image", "inspect", "test1/ubuntu:1.0"))
    assert (inspected["Author"], inspected["Comment"]) == ("ASA <asa@example.com>", "new motd")
    assert len(inspected["RootFS"]["Layers"]) == 2
    seen = pallet.ok("run", "--rm", "test1/ubuntu:1.0", "sh", "-c", "cat /etc/motd; test -e /etc/issue || echo gone")
    assert seen == "changed\ngone"

    flat = tmp_path / "flat.tar"
    pallet.ok("container", "export", "-o", str(flat), "test1")
    with tarfile.open(flat) as archive:
        names = {name.removeprefix("./") for name in archive.getnames()}
    assert {"etc/motd", "usr/bin/dpkg"} <= names
    assert "etc/issue" not in names
    assert ID.fullmatch(pallet.ok("image", "import", str(flat), "test1/flat"))
    assert pallet.ok("run", "--rm", "test1/flat", "cat", "/etc/motd") == "changed"


def test_web_server(served: PalletCLI) -> None:
    pallet = served
    started = pallet("container", "run", "-d", "-p", "80:80", "--name", "apache", "httpd")
    assert started.code == 0, started.stderr
    assert started.stderr.splitlines()[0] == "Unable to find image 'httpd:latest' locally"
    container = started.stdout.strip()
    assert re.fullmatch("[0-9a-f]{64}", container)
    assert page() == PAGE
    line = pallet.ok("ps").splitlines()[1]
    assert line.startswith(f"{container[:12]}   httpd") and "0.0.0.0:80->80/tcp" in line

    committed = pallet.ok("container", "commit", "-a", "ASA", "-m", "a copy", "apache", "copy/httpd:1.0")
    assert ID.fullmatch(committed)
    exported = pallet("container", "export", "apache")
    assert exported.code == 0, exported.stderr
    changes = ("-c", f"CMD {json.dumps(SERVE)}", "-c", "EXPOSE 80")
    assert ID.fullmatch(pallet.ok("image", "import", *changes, "-", "flat/httpd:1.0", stdin=exported.raw))
    pallet.ok("container", "rm", "-f", "apache")

    for name in ("copy/httpd:1.0", "flat/httpd:1.0"):
        pallet.ok("container", "run", "-d", "-p", "80:80", "--name", "again", name)
        assert page() == PAGE
        assert pallet.ok("container", "stop", "-t", "0", "again") == "again"
        assert pallet.ok("container", "rm", "again") == "again"

    assert pallet.ok("image", "rm", "flat/httpd:1.0").splitlines()[0] == "Untagged: flat/httpd:1.0"
    assert pallet.ok("image", "rm", "copy/httpd:1.0").splitlines()[:2] == [
        "Untagged: copy/httpd:1.0",
        f"Deleted: {committed}",
    ]
    pallet.ok("image", "rm", "httpd")
    assert pallet.ok("image", "ls", "-aq") == ""
