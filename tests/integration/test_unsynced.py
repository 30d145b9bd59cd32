"""Unpacked layers that had not reached the disk when the machine went down: they are made again before they are used.

Another boot is simulated by the names of the notes; a file that was not written, by one that is damaged.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from tests.support import images, wait_until
from tests.support.images import Image
from tests.support.pallet import PalletCLI
from tests.support.registry import RegistryServer
from tests.support.storefiles import unexplained
from tests.support.tree import difference, list_tar

from pallet.digest import Digest
from pallet.oci.chain import chain_ids

pytestmark = pytest.mark.root

_OTHER = "11111111-2222-3333-4444-555555555555"


@pytest.fixture(params=["overlay", "erofs"])
def pallet(request: pytest.FixtureRequest, make_pallet: Callable[..., PalletCLI]) -> PalletCLI:
    """A store whose layers are trees, or images."""
    made = make_pallet(env={"PALLET_SNAPSHOTTER": request.param})
    done = made("import", "-", "empty", stdin=images.tar([]))
    if "snapshotter does not work here" in done.stderr:
        pytest.skip(done.stderr)
    assert done.code == 0, done.stderr
    made.ok("rmi", "empty")
    made.ok("system", "prune", "-f")
    return made


@pytest.fixture(scope="module")
def made(busybox_tar: Path) -> Image:
    noise = random.Random(1).randbytes(30_000)  # noqa: S311
    entries = [images.directory("data"), images.entry("data/noise", noise), images.entry("data/empty")]
    entries += [images.entry("data/name", b"right\n"), images.hardlink("data/again", "data/name")]
    odd = [images.hardlink("data/third", "data/again")]  # never an image
    layers = [busybox_tar.read_bytes(), images.tar(entries), images.tar(odd)]
    return images.image(layers, config={"Cmd": ["cat", "/data/third"]})


@pytest.fixture
def name(pallet: PalletCLI, made: Image, registry: RegistryServer) -> str:
    """An image that was just pulled; the registry has forgotten it by then."""
    images.push(made, registry.url, "unsynced/app", "1")
    pulled = f"{registry.host}/unsynced/app:1"
    pallet.ok("pull", "-q", pulled)
    pallet.ok("tag", pulled, "app")
    pallet.ok("rmi", pulled)
    return "app"


def notes(pallet: PalletCLI) -> list[str]:
    return sorted(name for name in os.listdir(pallet.root / "unsynced") if name != "lock")


def boot(pallet: PalletCLI) -> None:
    """As if the machine had been started again."""
    for note in notes(pallet):
        path = pallet.root / "unsynced" / note
        path.rename(path.with_name(_OTHER + path.name[len(_OTHER) :]))


def chains(made: Image) -> tuple[Digest, ...]:
    return chain_ids(map(Digest, made.diff_ids))


def note_all(pallet: PalletCLI, layers: Iterable[Digest]) -> None:
    """As if these had been made right before the machine went down."""
    for chain in layers:
        (pallet.root / "unsynced" / f"{_OTHER}.{chain.hex}.0123456789ab").touch()


def snapshot(pallet: PalletCLI, made: Image, position: int) -> Path:
    return pallet.root / "snapshots" / chains(made)[position].hex[:20]


def exported(pallet: PalletCLI, target: Path) -> Path:
    pallet.ok("create", "--name", "exported", "app")
    pallet.ok("export", "-o", str(target), "exported")
    pallet.ok("rm", "exported")
    return target


def runs(pallet: PalletCLI) -> None:
    assert pallet.ok("run", "--rm", "--network", "none", "app") == "right"


def test_good_layers_stay(pallet: PalletCLI, name: str, made: Image) -> None:
    assert len(notes(pallet)) == 3
    is_image = [(snapshot(pallet, made, position) / "layer.erofs").exists() for position in range(3)]
    before = [snapshot(pallet, made, position).stat().st_ino for position in range(3)]
    runs(pallet)
    assert len(notes(pallet)) == 3, "they mean nothing while the machine runs"
    boot(pallet)
    pallet.ok("image", "ls")
    pallet.ok("ps", "-a")
    assert len(notes(pallet)) == 3, "nobody needed the layers"
    runs(pallet)
    assert not any(note.startswith(_OTHER) for note in notes(pallet))
    after = [snapshot(pallet, made, position).stat().st_ino for position in range(3)]
    assert [old == new for old, new in zip(before, after, strict=True)] == is_image, "trees are unpacked again"
    assert pallet.ok("system", "check") == ""
    assert notes(pallet) == []


def _zero(path: Path, start: int, length: int) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(bytes(length))


def _damages(pallet: PalletCLI, made: Image) -> list[list[Callable[[], None]]]:
    """What a file system may have of snapshots of which nothing was synced; some damage at once, then some more, ..."""
    base, upper, odd = (snapshot(pallet, made, position) for position in range(3))
    image = upper / "layer.erofs"
    if not image.exists():
        return [
            [
                lambda: os.truncate(upper / "layer", 0),
                lambda: _zero(base / "layer", 0, 100),
                lambda: os.truncate(odd / "fs/data/again", 0),
            ],
            [lambda: shutil.rmtree(upper), lambda: shutil.rmtree(odd / "fs"), (base / "fs/bin/busybox").unlink],
            [lambda: os.truncate(upper / "fs/data/noise", 0), (odd / "layer").unlink],
        ]
    size = image.stat().st_size
    return [
        [
            lambda: os.truncate(upper / "layer", 0),
            lambda: _zero(base / "layer.erofs", 0, 4096),
            lambda: os.truncate(odd / "fs/data/again", 0),
        ],
        [lambda: shutil.rmtree(base), lambda: _zero(image, 8192, 8192)],  # a file's data
        [(base / "layer.erofs").unlink, lambda: _zero(image, size // 4096 * 4096 - 4096, 4096)],  # metadata
        [lambda: os.truncate(base / "layer.erofs", 0), lambda: os.truncate(image, size - 4096)],
    ]


def test_wrong_layers_are_made_again(pallet: PalletCLI, name: str, made: Image, tmp_path: Path) -> None:
    right = list_tar(exported(pallet, tmp_path / "before.tar"))
    is_image = [(snapshot(pallet, made, position) / "layer.erofs").exists() for position in range(3)]
    for number, damages in enumerate(_damages(pallet, made)):
        for damage in damages:
            damage()
        note_all(pallet, chains(made))
        found = list_tar(exported(pallet, tmp_path / "after.tar"))
        assert difference(right, found) == [], number
        assert not any(note.startswith(_OTHER) for note in notes(pallet)), number
    assert [(snapshot(pallet, made, position) / "layer.erofs").exists() for position in range(3)] == is_image
    runs(pallet)
    assert pallet.ok("system", "check") == ""
    pallet.ok("system", "prune", "-f")
    assert unexplained(pallet) == []


def test_layers_that_no_note_names_are_not_looked_at(pallet: PalletCLI, name: str, made: Image) -> None:
    pallet.ok("system", "check")
    before = (snapshot(pallet, made, 0) / "layer").stat().st_ino
    note_all(pallet, chains(made)[1:2])
    shutil.rmtree(snapshot(pallet, made, 1))
    runs(pallet)
    assert (snapshot(pallet, made, 0) / "layer").stat().st_ino == before
    assert notes(pallet) == [note for note in notes(pallet) if chains(made)[1].hex in note and _OTHER not in note]


def test_what_is_killed_meanwhile_is_done_by_the_next(pallet: PalletCLI, made: Image, tmp_path: Path) -> None:
    noise = random.Random(2).randbytes(10_000)  # noqa: S311
    many = [images.directory("d"), *(images.entry(f"d/{number}", noise) for number in range(1000))]
    large = images.image([images.tar(many)], compression="zstd", config={"Cmd": ["x"]})
    images.write_layout(tmp_path / "layout", large, "app")
    archive = tmp_path / "archive.tar"
    shutil.make_archive(str(archive.with_suffix("")), "tar", tmp_path / "layout")
    pallet.ok("load", "-i", str(archive))
    id = large.config.digest
    target = snapshot(pallet, large, 0)
    for _ in range(2):
        shutil.rmtree(target, ignore_errors=True)
        note_all(pallet, chains(large))
        process = pallet.start("load", "-i", str(archive))
        wait_until(lambda: any((pallet.root / "staging").iterdir()), "it has begun")
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert any(note.startswith(_OTHER) for note in notes(pallet))
    pallet.ok("create", "--name", "one", id)
    pallet.ok("export", "-o", str(tmp_path / "files.tar"), "one")
    assert not any(note.startswith(_OTHER) for note in notes(pallet))
    assert sum(name.startswith("d/") for name in list_tar(tmp_path / "files.tar")) >= 1000
    assert pallet.ok("system", "check") == ""
    pallet.ok("rm", "one")
    pallet.ok("system", "prune", "-f")
    assert unexplained(pallet) == []


def test_several_at_once(pallet: PalletCLI, name: str, made: Image) -> None:
    for position in range(3):
        shutil.rmtree(snapshot(pallet, made, position))
    note_all(pallet, chains(made))
    started = [pallet.start("run", "--rm", "--network", "none", "app") for _ in range(3)]
    assert [process.communicate(timeout=60) for process in started] == [(b"right\n", b"")] * 3
    assert not any(note.startswith(_OTHER) for note in notes(pallet))
    assert pallet.ok("system", "check") == ""


def test_a_container_outlives_the_blobs_of_its_image(pallet: PalletCLI, name: str) -> None:
    """What it stands on is on the disk before they go; nobody waits for that if there is no container."""
    assert len(notes(pallet)) == 3
    pallet.ok("tag", "app", "second")
    pallet.ok("rmi", "app")
    assert len(notes(pallet)) == 3
    pallet.ok("create", "--name", "one", "second")
    pallet.ok("rmi", "-f", "second")
    assert notes(pallet) == []
    boot(pallet)
    assert pallet.ok("start", "-a", "one") == "right"


def test_old_notes_go_in_passing(pallet: PalletCLI, name: str) -> None:
    for note in notes(pallet):
        os.utime(pallet.root / "unsynced" / note, (time.time() - 100,) * 2)
    before = notes(pallet)
    runs(pallet)
    assert notes(pallet) == before
    pallet.ok("import", "-", "other", stdin=images.tar([images.entry("x")]))
    assert len(notes(pallet)) == 1
    pallet.ok("system", "prune", "-f")
    assert notes(pallet) == []


def test_build_results_that_no_image_has_are_forgotten(pallet: PalletCLI, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY file /a\nCOPY file /b\n")
    (tmp_path / "file").write_text("text\n")
    build = ["build", "--progress", "plain", "-t", "built", str(tmp_path)]
    pallet.ok(*build)
    pallet.ok("rmi", "built")
    assert "CACHED" in pallet(*build).stderr
    pallet.ok("rmi", "built")
    layers = pallet.root / "snapshots"
    for layer in layers.iterdir():
        os.truncate(layer / "layer", 0)
    boot(pallet)
    assert "CACHED" not in pallet(*build).stderr
    assert pallet.ok("system", "check") == ""
    pallet.ok("create", "--name", "one", "built", "x")
    pallet.ok("export", "-o", str(tmp_path / "files.tar"), "one")
    assert {"a", "b"} <= set(list_tar(tmp_path / "files.tar"))
    # With an image it is made again from the blobs, whatever built it.
    pallet.ok("rm", "one")
    built = [Digest(json.loads((each / "layer").read_text())["chain_id"]) for each in layers.iterdir()]
    shutil.rmtree(layers)
    note_all(pallet, built)
    pallet.ok("create", "--name", "one", "built", "x")
    pallet.ok("export", "-o", str(tmp_path / "files.tar"), "one")
    assert {"a", "b"} <= set(list_tar(tmp_path / "files.tar"))
    assert "CACHED" in pallet(*build).stderr
