"""The erofs snapshotter from outside: containers on images, images and trees in one store, nothing left mounted."""

from __future__ import annotations

import gzip
import io
import os
import signal
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support import wait_until
from tests.support.pallet import PalletCLI
from tests.support.tree import difference, list_tar

pytestmark = pytest.mark.root


@pytest.fixture
def pallet(make_pallet: Callable[..., PalletCLI], tmp_path: Path) -> PalletCLI:
    """A store whose layers become images, where that works."""
    made = make_pallet(env={"PALLET_SNAPSHOTTER": "erofs"})
    buffer = io.BytesIO()
    tarfile.open(fileobj=buffer, mode="w").close()
    done = made("import", "-", "empty", stdin=buffer.getvalue())
    if "snapshotter does not work here" in done.stderr:
        pytest.skip(done.stderr)
    assert done.code == 0, done.stderr
    made.ok("rmi", "empty")
    return made


def kinds(pallet: PalletCLI, name: str) -> list[bool]:
    """Whether each layer of an image is an EROFS image, the top one first."""
    data = pallet.ok("image", "inspect", "-f", "{{json .GraphDriver.Data}}", name)
    directories = data.split('"UpperDir":"')[1].split('"')[0].split(":")
    if '"LowerDir":"' in data:
        directories += data.split('"LowerDir":"')[1].split('"')[0].split(":")
    return [(Path(directory).parent / "layer.erofs").exists() for directory in directories]


def test_a_container_s_life(pallet: PalletCLI, busybox_tar: Path, tmp_path: Path) -> None:
    pallet.ok("import", str(busybox_tar), "box")
    assert kinds(pallet, "box") == [True]
    script = "echo new >/etc/new && rm /etc/group && rm -r /www && mkdir /www && echo more >>/etc/passwd && ls /etc"
    assert "new" in pallet.ok("run", "--name", "one", "--network", "none", "box", "sh", "-c", script)
    assert pallet.ok("export", "-o", str(tmp_path / "exported.tar"), "one") == ""
    exported = list_tar(tmp_path / "exported.tar")
    assert "etc/new" in exported
    assert "etc/group" not in exported
    assert "www/index.html" not in exported

    pallet.ok("commit", "one", "two")
    assert kinds(pallet, "two") == [True, True]
    assert pallet.ok("run", "--rm", "--network", "none", "two", "cat", "/etc/new") == "new"
    script = "ls -A /www; ls /etc/group; tail -1 /etc/passwd"
    assert pallet("run", "--rm", "--network", "none", "two", "sh", "-c", script).stdout == "more\n"
    pallet.ok("create", "--name", "three", "two")
    pallet.ok("export", "-o", str(tmp_path / "image.tar"), "three")
    pallet.ok("save", "-o", str(tmp_path / "saved.tar"), "two")
    assert pallet.ok("system", "check") == ""
    pallet.ok("rm", "one", "three")
    pallet.ok("rmi", "two", "box")
    assert os.listdir(pallet.root / "snapshots") == []

    # As trees, the same image gives the same containers.
    pallet.ok("--snapshotter", "overlay", "load", "-i", str(tmp_path / "saved.tar"))
    assert kinds(pallet, "two") == [False, False]
    pallet.ok("create", "--name", "three", "two")
    pallet.ok("export", "-o", str(tmp_path / "tree.tar"), "three")
    assert difference(list_tar(tmp_path / "image.tar"), list_tar(tmp_path / "tree.tar")) == []


def test_images_on_trees(pallet: PalletCLI, busybox_tar: Path) -> None:
    pallet.ok("--snapshotter", "overlay", "import", str(busybox_tar), "box")
    pallet.ok(
        "run", "--name", "one", "--network", "none", "box", "sh", "-c", "echo 1 >/a; chmod 700 /www; rm /etc/group"
    )
    pallet.ok("commit", "one", "two")
    assert kinds(pallet, "two") == [True, False]
    script = "cat /a; stat -c %a /www; ls /etc/group 2>/dev/null"
    assert pallet("run", "--rm", "--network", "none", "two", "sh", "-c", script).stdout == "1\n700\n"
    assert pallet.ok("system", "check") == ""


def test_sizes_are_those_of_trees(pallet: PalletCLI, make_pallet: Callable[..., PalletCLI], busybox_tar: Path) -> None:
    trees = make_pallet("trees", env={"PALLET_SNAPSHOTTER": "overlay"})
    for store in (pallet, trees):
        store.ok("import", str(busybox_tar), "box")
    for words in (("image", "ls", "--format", "{{.Size}}"), ("system", "df", "--format", "{{.Type}} {{.Size}}")):
        assert pallet.ok(*words) == trees.ok(*words)


def test_nothing_is_left_when_all_are_killed(pallet: PalletCLI, busybox_tar: Path) -> None:
    pallet.ok("import", str(busybox_tar), "box")
    container = pallet.ok("run", "-d", "--network", "none", "box", "sleep", "1000")
    pid = int(pallet.ok("inspect", "-f", "{{.State.Pid}}", container))
    assert not any("erofs" in line for line in Path("/proc/self/mountinfo").read_text().splitlines())
    parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    for victim in (parent, pid):
        os.kill(victim, signal.SIGKILL)
    wait_until(lambda: not pallet.leaks(), "all is gone", seconds=10)
    assert pallet.ok("rm", "-f", container) == container
    assert pallet.ok("rmi", "box")


def test_choosing(pallet: PalletCLI, busybox_tar: Path) -> None:
    done = pallet("--snapshotter", "zfs", "image", "ls")
    assert done.code != 0
    assert 'unknown snapshotter "zfs"' in done.stderr


@pytest.mark.parametrize("odd", [False, True])
def test_a_gzip_in_a_gzip_is_refused_as_with_trees(
    make_pallet: Callable[..., PalletCLI], tmp_path: Path, odd: bool
) -> None:
    """Import inflates once; what then comes is no tar, whatever it holds: also where an image had to be left for it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind in (("s", tarfile.SYMTYPE), ("d", tarfile.DIRTYPE), ("s/f" if odd else "d/f", tarfile.REGTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "d"
            tar.addfile(info)
    twice = gzip.compress(gzip.compress(buffer.getvalue()))
    for snapshotter in ("overlay", "erofs"):
        made = make_pallet(env={"PALLET_SNAPSHOTTER": snapshotter})
        done = made("import", "-", "twice", stdin=twice)
        words = "Error response from daemon: Error processing tar file(exit status 1): unexpected EOF\n"
        assert (done.code, done.stderr) == (1, words)


def test_auto_makes_images_and_goes_on_with_trees(
    make_pallet: Callable[..., PalletCLI], busybox_tar: Path, tmp_path: Path
) -> None:
    """Also beside trees that an older pallet left in the store; by hand, trees can still be had."""
    pallet = make_pallet(env={"PALLET_SNAPSHOTTER": "auto"})
    pallet.ok("--snapshotter", "overlay", "import", str(busybox_tar), "tree")
    assert kinds(pallet, "tree") == [False]
    pallet.ok("run", "--name", "one", "--network", "none", "tree", "touch", "/new")
    pallet.ok("commit", "one", "mixed")
    assert kinds(pallet, "mixed") == [True, False]
    assert pallet.ok("run", "--rm", "--network", "none", "mixed", "ls", "/new") == "/new"
    assert pallet.ok("system", "check") is not None
