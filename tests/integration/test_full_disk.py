"""A disk that fills up: one line says so, nothing half-done is visible, and with room again all goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.support import images
from tests.support.images import Image
from tests.support.pallet import PalletCLI
from tests.support.registry import RegistryServer
from tests.support.storefiles import unexplained

pytestmark = pytest.mark.root

_SMALL, _LARGE = "8m", "128m"


@pytest.fixture
def small(pallet: PalletCLI) -> Iterator[PalletCLI]:
    """A store on a small disk."""
    pallet.root.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_SMALL}", "tmpfs", pallet.root], check=True)
    try:
        yield pallet
    finally:
        pallet("rm", "-f", *pallet("ps", "-aq").stdout.split() or ["none"])
        subprocess.run(["umount", pallet.root], check=True)


def _leave(pallet: PalletCLI, room: int) -> None:
    disk = os.statvfs(pallet.root)
    size = (disk.f_blocks - disk.f_bavail) * disk.f_frsize + room
    subprocess.run(["mount", "-o", f"remount,size={size}", pallet.root], check=True)


def _make_room(pallet: PalletCLI) -> None:
    subprocess.run(["mount", "-o", f"remount,size={_LARGE}", pallet.root], check=True)


@pytest.fixture(scope="module")
def made() -> Image:
    """Layers that do not fit: 6 MB as blobs, 6 MB more unpacked."""
    layers = [
        [images.directory("d"), *(images.entry(f"d/{n}{part}", os.urandom(100_000)) for part in range(30))]
        for n in range(2)
    ]
    return images.image([images.tar(layer) for layer in layers], config={"Cmd": ["/x"]})


def _fails_for_lack_of_room(pallet: PalletCLI, *command: str) -> None:
    done = pallet(*command)
    assert done.code == 1, done.stdout
    assert len(done.stderr.splitlines()) == 1 and "no space left on device" in done.stderr.lower(), done.stderr
    assert pallet.ok("images", "-aq") == ""
    assert pallet.ok("system", "check") == ""


def test_pull(small: PalletCLI, made: Image, registry: RegistryServer) -> None:
    images.push(made, registry.url, "full/app", "1")
    name = f"{registry.host}/full/app:1"
    _fails_for_lack_of_room(small, "pull", name)
    _make_room(small)
    small.ok("pull", name)
    assert small.ok("image", "inspect", "-f", "{{.Id}}", name) == made.config.digest
    assert small.ok("system", "check") == ""
    small.ok("system", "prune", "-f")
    assert unexplained(small) == []


def test_pull_then_prune(small: PalletCLI, made: Image, registry: RegistryServer) -> None:
    """What the pull kept for the next one can be given back, on a disk that is full."""
    images.push(made, registry.url, "full/app", "1")
    _fails_for_lack_of_room(small, "pull", f"{registry.host}/full/app:1")
    small.ok("system", "prune", "-f")
    assert unexplained(small) == []
    assert sum(path.stat().st_size for path in small.root.rglob("*") if path.is_file()) < 1_000_000


def test_import_and_load(small: PalletCLI, made: Image, tmp_path: Path) -> None:
    tar = tmp_path / "tree.tar"
    tar.write_bytes(images.tar([images.entry(f"f{part}", os.urandom(100_000)) for part in range(90)]))
    layout = tmp_path / "layout"
    images.write_layout(layout, made, "full:1")
    subprocess.run(["tar", "-C", layout, "-cf", tmp_path / "layout.tar", "."], check=True)
    _fails_for_lack_of_room(small, "import", str(tar), "full")
    _fails_for_lack_of_room(small, "load", "-i", str(tmp_path / "layout.tar"))
    _make_room(small)
    small.ok("import", str(tar), "full")
    small.ok("load", "-i", str(tmp_path / "layout.tar"))
    assert small.ok("system", "check") == ""
    small.ok("system", "prune", "-f")
    assert unexplained(small) == []


def test_commit_and_save(small: PalletCLI, busybox_tar: Path) -> None:
    base = small.ok("import", str(busybox_tar), "base")
    script = "head -c 2500000 /dev/urandom >/noise"
    small.ok("run", "--name", "changed", "--network", "none", "base", "sh", "-c", script)
    _leave(small, 1 << 20)
    done = small("commit", "changed")
    assert done.code == 1 and "no space left on device" in done.stderr.lower() and len(done.stderr.splitlines()) == 1
    assert small.ok("images", "-aq", "--no-trunc") == base
    target = small.root / "archive.tar"
    done = small("save", "-o", str(target), "base")
    if done.code:
        assert len(done.stderr.splitlines()) == 1 and not target.exists()
    target.unlink(missing_ok=True)
    assert small.ok("system", "check", "--quick") == ""
    # Where there is no room to unpack a layer, it cannot be told whether it is right: that is no damage to repair.
    done = small("system", "check", "--repair")
    assert done.code == 0 or (done.stdout == "" and "no space left" in done.stderr)
    assert small.ok("images", "-aq", "--no-trunc") == base
    _make_room(small)
    id = small.ok("commit", "changed")
    assert small.ok("run", "--rm", "--network", "none", id, "wc", "-c", "/noise") == "2500000 /noise"
    small.ok("rm", "changed")
    small.ok("system", "prune", "-f")
    assert unexplained(small) == []


def test_what_a_crash_has_taken_comes_back_with_room(small: PalletCLI, busybox_tar: Path) -> None:
    """The layer had not reached the disk when the machine went down, and now there is no room for it."""
    id = small.ok("import", str(busybox_tar), "base")
    for note in (small.root / "unsynced").iterdir():
        note.rename(note.with_name("11111111-2222-3333-4444-555555555555." + note.name.partition(".")[2]))
    [layer] = (small.root / "snapshots").iterdir()
    shutil.rmtree(layer)
    filler = small.root / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    assert small.ok("image", "inspect", "-f", "{{.Id}}", "base") == id
    assert any(note.name.startswith("1111") for note in (small.root / "unsynced").iterdir()), "it was tried in vain"
    assert not layer.exists()
    filler.unlink()
    assert small.ok("run", "--rm", "--network", "none", "base", "echo", "back") == "back"
    assert not any(note.name.startswith("1111") for note in (small.root / "unsynced").iterdir())
    assert small.ok("system", "check") == ""
