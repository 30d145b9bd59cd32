"""`system check`: every sort of damage is found, named once, and repaired where that is possible."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support import images
from tests.support.faulty import FaultyRegistry
from tests.support.images import Image
from tests.support.pallet import PalletCLI

from pallet.oci.chain import chain_ids

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def made() -> Image:
    """Two layers with one of everything, the upper one without the lower's directories, and one that is odd."""
    xattrs = {"user.note": b"x"}
    lower = [
        images.directory("etc", 0o750, uid=7, gid=8),
        images.entry("etc/name", b"lower\n", xattrs=xattrs),
        images.hardlink("etc/again", "etc/name"),
        images.symlink("link", "etc/name"),
        images.entry("null", type=tarfile.CHRTYPE, device=(1, 3), mode=0o666),
        images.entry("etc/big", os.urandom(3000)),
    ]
    upper = [images.entry("etc/name", b"upper\n"), images.entry("var/lib/deep", b"deep"), images.entry("etc/.wh.big")]
    odd = [images.hardlink("etc/third", "etc/again"), images.entry("link/.wh.none")]
    return images.image([images.tar(each) for each in (lower, upper, odd)], config={"Cmd": ["/none"]})


@pytest.fixture
def registry(made: Image) -> Iterator[FaultyRegistry]:
    with FaultyRegistry() as server:
        server.add("app", made, "1")
        yield server


@pytest.fixture
def pallet(make_pallet: Callable[..., PalletCLI]) -> PalletCLI:
    """Layers are trees in this store, whatever the run's setting is: they are damaged file by file."""
    return make_pallet(env={"PALLET_SNAPSHOTTER": "overlay"})


@pytest.fixture
def pulled(pallet: PalletCLI, registry: FaultyRegistry) -> str:
    """The name of an image that is in the store."""
    name = f"{registry.host}/app:1"
    pallet.ok("pull", "-q", name)
    assert pallet.ok("system", "check") == ""
    return name


def _blob(pallet: PalletCLI, digest: str) -> Path:
    return pallet.root / "blobs/sha256" / digest.removeprefix("sha256:")


def _layer(pallet: PalletCLI, made: Image, position: int) -> Path:
    chain = chain_ids(made.diff_ids)[position]  # type: ignore[arg-type]
    return pallet.root / "snapshots" / chain.removeprefix("sha256:")[:20] / "fs"


def _append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x")


def _flip(path: Path) -> None:
    times = path.stat()
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def _retarget(link: Path) -> None:
    times = link.lstat()
    link.unlink()
    link.symlink_to("/etc/name")
    os.utime(link, ns=(times.st_atime_ns, times.st_mtime_ns), follow_symlinks=False)


def _split(path: Path) -> None:
    shutil.copy2(path, path.with_name("copy"))
    path.with_name("copy").replace(path)


def _swap_description(pallet: PalletCLI, made: Image) -> None:
    shutil.copy(_layer(pallet, made, 0).parent / "layer", _layer(pallet, made, 1).parent / "layer")


_DAMAGE: dict[str, tuple[str, Callable[[PalletCLI, Image], None]]] = {
    "layer blob gone": ("blob-missing", lambda p, m: _blob(p, m.layers[0].digest).unlink()),
    "layer blob longer": ("blob-damaged", lambda p, m: _append(_blob(p, m.layers[1].digest))),
    "layer blob with a wrong bit": ("blob-damaged", lambda p, m: _flip(_blob(p, m.layers[0].digest))),
    "config wrong": ("blob-damaged", lambda p, m: _flip(_blob(p, m.config.digest))),
    "config gone": ("blob-missing", lambda p, m: _blob(p, m.config.digest).unlink()),
    "manifest wrong": ("blob-damaged", lambda p, m: _flip(_blob(p, m.manifest.digest))),
    "layer gone": ("snapshot-missing", lambda p, m: shutil.rmtree(_layer(p, m, 0).parent)),
    "upper layer gone": ("snapshot-missing", lambda p, m: shutil.rmtree(_layer(p, m, 1).parent)),
    "odd layer gone": ("snapshot-missing", lambda p, m: shutil.rmtree(_layer(p, m, 2).parent)),
    "file gone": ("snapshot-damaged", lambda p, m: (_layer(p, m, 1) / "etc/name").unlink()),
    "file too many": ("snapshot-damaged", lambda p, m: (_layer(p, m, 1) / "var/new").touch()),
    "wrong bit": ("snapshot-damaged", lambda p, m: _flip(_layer(p, m, 0) / "etc/big")),
    "shorter": ("snapshot-damaged", lambda p, m: os.truncate(_layer(p, m, 0) / "etc/big", 10)),
    "mode": ("snapshot-damaged", lambda p, m: (_layer(p, m, 0) / "etc/big").chmod(0o600)),
    "owner": ("snapshot-damaged", lambda p, m: os.chown(_layer(p, m, 0) / "etc", 0, 0)),
    "time": ("snapshot-damaged", lambda p, m: os.utime(_layer(p, m, 0) / "etc/big", (1, 1))),
    "xattr": ("snapshot-damaged", lambda p, m: os.removexattr(_layer(p, m, 0) / "etc/name", "user.note")),
    "target": ("snapshot-damaged", lambda p, m: _retarget(_layer(p, m, 0) / "link")),
    "whiteout gone": ("snapshot-damaged", lambda p, m: (_layer(p, m, 1) / "etc/big").unlink()),
    "link split": ("snapshot-damaged", lambda p, m: _split(_layer(p, m, 0) / "etc/again")),
    "another's description": ("snapshot-damaged", _swap_description),
}


@pytest.mark.parametrize("damage", _DAMAGE)
def test_damage_is_found_and_repaired(pallet: PalletCLI, pulled: str, made: Image, damage: str) -> None:
    kind, do = _DAMAGE[damage]
    do(pallet, made)
    done = pallet("system", "check")
    assert (done.code, done.stderr) == (1, "")
    assert [line.partition(":")[0] for line in done.lines] == [kind], done.stdout

    done = pallet("system", "check", "--repair")
    assert (done.code, done.stderr) == (0, ""), done.stdout
    assert any("restored image" in line for line in done.lines), done.stdout
    assert pallet.ok("system", "check") == ""
    assert pallet.ok("image", "inspect", "-f", "{{.Id}}", pulled) == made.config.digest
    assert pallet.ok("system", "prune", "-f") == "Total reclaimed space: 0B"


_IMAGE_DAMAGE: dict[str, Callable[[Path], None]] = {
    "first byte of the tar": lambda path: _flip_at(path, 4096),
    "last byte of the metadata": lambda path: _flip_at(path, path.stat().st_size - 1),
    "superblock": lambda path: _flip_at(path, 1024),
    "shorter": lambda path: os.truncate(path, path.stat().st_size - 4096),
    "longer": _append,
    "empty": lambda path: os.truncate(path, 0),
}


def _flip_at(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        value = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([value ^ 1]))


@pytest.fixture
def of_images(make_pallet: Callable[..., PalletCLI]) -> PalletCLI:
    """A store whose layers are EROFS images."""
    made = make_pallet("images", env={"PALLET_SNAPSHOTTER": "erofs"})
    done = made("import", "-", stdin=images.tar([images.entry("nothing")]))
    if "snapshotter does not work here" in done.stderr:
        pytest.skip(done.stderr)
    made.ok("rmi", done.stdout.strip())
    return made


@pytest.mark.parametrize("damage", _IMAGE_DAMAGE)
def test_damage_to_erofs_images(of_images: PalletCLI, registry: FaultyRegistry, made: Image, damage: str) -> None:
    pallet, name = of_images, f"{registry.host}/app:1"
    pallet.ok("pull", "-q", name)
    assert pallet.ok("system", "check") == ""
    _IMAGE_DAMAGE[damage](_layer(pallet, made, 0).parent / "layer.erofs")
    done = pallet("system", "check")
    assert [line.partition(":")[0] for line in done.lines] == ["snapshot-damaged"], done.stdout
    done = pallet("system", "check", "--repair")
    assert (done.code, done.stderr) == (0, ""), done.stdout
    assert pallet.ok("system", "prune", "-f") == "Total reclaimed space: 0B"


def test_trees_on_images(of_images: PalletCLI, registry: FaultyRegistry, made: Image) -> None:
    """A store may have both: what a tree takes over from the image below it is judged by that image."""
    pallet, name = of_images, f"{registry.host}/app:1"
    pallet.ok("pull", "-q", name)
    shutil.rmtree(_layer(pallet, made, 1).parent)
    pallet.ok("--snapshotter", "overlay", "pull", "-q", name)
    assert not (_layer(pallet, made, 1).parent / "layer.erofs").exists()
    assert (_layer(pallet, made, 0).parent / "layer.erofs").exists()
    assert (_layer(pallet, made, 1) / "etc").stat().st_mode & 0o777 == 0o750
    assert pallet.ok("system", "check") == ""
    (_layer(pallet, made, 1) / "etc").chmod(0o755)
    assert pallet("system", "check").lines[0].startswith("snapshot-damaged: ")


def test_quick_leaves_the_contents_out(pallet: PalletCLI, pulled: str, made: Image) -> None:
    _flip(_layer(pallet, made, 0) / "etc/big")
    assert pallet.ok("system", "check", "--quick") == ""
    shutil.rmtree(_layer(pallet, made, 0).parent)
    assert pallet("system", "check", "--quick").lines[0].startswith("snapshot-missing: ")


def test_what_no_registry_has_any_more(pallet: PalletCLI, registry: FaultyRegistry, made: Image) -> None:
    """An image that still runs is kept without its blob; one that does not is dropped."""
    tar = images.tar([images.entry("file", b"content")])
    id = pallet.ok("import", "-", "mine", stdin=tar)
    [row] = sqlite3.connect(pallet.root / "db.sqlite").execute("SELECT digest FROM image_blobs WHERE kind = 'layer'")
    _flip(_blob(pallet, row[0]))
    done = pallet("system", "check", "--repair")
    assert done.code == 1
    assert f"repair: kept image {id}" in done.stdout and "left: blob-missing: " in done.stdout
    assert pallet.ok("image", "inspect", "-f", "{{.Id}}", "mine") == id

    for path in (pallet.root / "snapshots").iterdir():
        shutil.rmtree(path)
    done = pallet("system", "check", "--repair")
    assert done.code == 0, done.stdout
    assert f"repair: removed image {id}" in done.stdout
    assert pallet("image", "inspect", "mine").code == 1


def test_damage_that_nobody_is_harmed_by_is_removed(pallet: PalletCLI, pulled: str) -> None:
    stray = _blob(pallet, "sha256:" + "0" * 64)
    stray.write_bytes(b"not this")
    done = pallet("system", "check", "--repair")
    assert done.code == 0 and len(done.lines) == 2, done.stdout
    assert not stray.exists()


def test_an_empty_store_is_clean(pallet: PalletCLI) -> None:
    assert pallet.ok("system", "check") == ""
