"""Images that pallet makes in other tools, and theirs in pallet: the same digest, the same id, the same content."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support import need, scratch
from tests.support.dockerd import Dockerd
from tests.support.images import image, push
from tests.support.pallet import PalletCLI
from tests.support.registry import RegistryServer


def run(*command: str) -> str:
    """Runs a command and gives what it printed; it has to succeed."""
    done = subprocess.run([need(command[0]), *command[1:]], check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


@pytest.fixture(scope="module")
def base(registry: RegistryServer, busybox_tar: Path) -> str:
    """The name of a busybox image in the registry."""
    made = image([busybox_tar.read_bytes()])
    push(made, registry.url, "exchange/base")
    return f"{registry.host}/exchange/base"


@pytest.fixture
def committed(base: str, registry: RegistryServer, make_pallet: Callable[..., PalletCLI]) -> tuple[PalletCLI, str]:
    """A pallet with an image that it committed, and the image's name."""
    pallet = make_pallet()
    name = f"{registry.host}/exchange/made:latest"
    pallet.ok("run", "--name", "maker", base, "sh", "-c", "echo by pallet > /made; rm /etc/group")
    pallet.ok("commit", "-m", "made", "maker", name)
    return pallet, name


def test_pushed_image_has_the_same_digest_everywhere(committed: tuple[PalletCLI, str], dockerd: Dockerd) -> None:
    pallet, name = committed
    digest = pallet.ok("push", name).rpartition("digest: ")[2].partition(" ")[0]
    assert digest.startswith("sha256:")
    pulled = dockerd.docker("pull", name)
    assert f"Digest: {digest}\n" in pulled.stdout
    assert dockerd.docker("run", "--rm", name, "cat", "/made").stdout == "by pallet\n"
    assert dockerd.docker("run", "--rm", name, "ls", "/etc/group").code == 1
    identity = dockerd.docker("image", "inspect", "-f", "{{.Id}}", name).stdout.strip()
    assert identity == pallet.ok("image", "inspect", "-f", "{{.Id}}", name)
    assert run("skopeo", "inspect", "--tls-verify=false", "-f", "{{.Digest}}", f"docker://{name}") == digest
    raw = run("skopeo", "inspect", "--tls-verify=false", "--raw", f"docker://{name}")
    assert "sha256:" + hashlib.sha256(raw.encode()).hexdigest() == digest


class Tools:
    """The tools that save and load archives; each keeps its images under the same name."""

    def __init__(self, place: Path, dockerd: Dockerd, pallet: PalletCLI, name: str) -> None:
        self._place = place
        self._dockerd = dockerd
        self._pallet = pallet
        self._name = name
        options = ["--root", f"{place}/root", "--runroot", f"{place}/run", "--tmpdir", f"{place}/tmp"]
        self._podman = ["podman", *options, "--storage-driver", "vfs", "--events-backend", "none"]

    def docker(self, *args: str) -> str:
        done = self._dockerd.docker(*args)
        assert done.code == 0, done.stderr
        return done.stdout.strip()

    def podman(self, *args: str) -> str:
        return run(*self._podman, *args)

    def save(self, tool: str, archive: str) -> None:
        """Saves the image; every tool but pallet gets it from the registry first."""
        if tool == "docker":
            self.docker("pull", "-q", self._name)
            self.docker("save", "-o", archive, self._name)
        elif tool == "podman":
            self.podman("pull", "-q", "--tls-verify=false", self._name)
            self.podman("save", "-q", "-o", archive, self._name)
        elif tool.startswith("skopeo"):
            kind = tool.partition(" ")[2]
            run("skopeo", "copy", "-q", "--src-tls-verify=false", f"docker://{self._name}", self._at(kind, archive))
        else:
            self._pallet.ok("save", "--format", tool.partition(" ")[2], "-o", archive, self._name)

    def load(self, tool: str, archive: str) -> str:
        """Loads an archive into a tool that does not have the image; returns the image's id there."""
        if tool == "docker":
            self._dockerd.docker("rmi", "-f", self._name)
            self.docker("load", "-i", archive)
            return self.docker("image", "inspect", "-f", "{{.Id}}", self._name)
        if tool == "podman":
            self.podman("load", "-q", "-i", archive)
            return "sha256:" + self.podman("image", "inspect", "-f", "{{.Id}}", self._name)
        if tool.startswith("skopeo"):
            kind = tool.partition(" ")[2]
            # In an OCI archive a name's usual place has the tag alone; the whole name is beside it.
            at = f"{kind}:{archive}:latest" if kind == "oci-archive" else self._at(kind, archive)
            raw = run("skopeo", "inspect", "--raw", "--config", at)
            return "sha256:" + hashlib.sha256(raw.encode()).hexdigest()
        self._pallet.ok("rm", "-f", "maker")
        self._pallet.ok("rmi", "-f", self._name)
        self._pallet.ok("load", "-i", archive)
        assert self._pallet.ok("run", "--rm", self._name, "cat", "/made") == "by pallet"
        return self._pallet.ok("image", "inspect", "-f", "{{.Id}}", self._name)

    def _at(self, kind: str, archive: str) -> str:
        return f"{kind}:{archive}:{self._name}"


@pytest.fixture
def tools(committed: tuple[PalletCLI, str], dockerd: Dockerd) -> Iterator[Tools]:
    pallet, name = committed
    place = scratch("p")  # podman takes 50 characters at most
    yield Tools(place, dockerd, pallet, name)
    dockerd.docker("rmi", "-f", name)
    shutil.rmtree(place)


SAVED_BY = ["docker", "podman", "skopeo docker-archive", "skopeo oci-archive"]
LOADED_BY = [
    ("pallet docker-archive", "docker"),
    ("pallet docker-archive", "podman"),
    ("pallet docker-archive", "skopeo docker-archive"),
    ("pallet docker-archive", "pallet"),
    ("pallet oci-archive", "podman"),
    ("pallet oci-archive", "skopeo oci-archive"),
    ("pallet oci-archive", "pallet"),
]


@pytest.mark.parametrize(("saver", "loader"), [*((saver, "pallet") for saver in SAVED_BY), *LOADED_BY])
def test_saved_by_one_loaded_by_the_other(
    saver: str, loader: str, committed: tuple[PalletCLI, str], tools: Tools, tmp_path: Path
) -> None:
    pallet, name = committed
    pallet.ok("push", "-q", name)
    identity = pallet.ok("image", "inspect", "-f", "{{.Id}}", name)
    archive = f"{tmp_path}/archive"
    tools.save(saver, archive)
    assert tools.load(loader, archive) == identity
