"""cp: nothing leaves the container or the target, whatever symlinks say; running, stopped, killed."""

from __future__ import annotations

import io
import os
import signal
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import wait_until
from tests.support.pallet import PalletCLI

SECRET = "the host's own\n"


@pytest.fixture(params=["running", "stopped"])
def copying(box: PalletCLI, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[PalletCLI]:
    """pallet with a container `cc` that has symlinks to the host's paths."""
    (tmp_path / "host").mkdir()
    (tmp_path / "host/secret").write_text(SECRET)
    outside = tmp_path / "host"
    script = (
        f"ln -s {outside} /abs; ln -s ../../../../../..{outside} /rel; ln -s {outside}/secret /file; "
        "ln -s /proc/1/root /root-link; touch /ready; exec sleep 1000"
    )
    box.ok("run", "-d", "--name", "cc", "--network", "none", "box", "sh", "-c", script)
    wait_until(lambda: box("exec", "cc", "test", "-e", "/ready").code == 0, "the container is ready")
    if request.param == "stopped":
        box.ok("stop", "-t", "0", "cc")
    yield box
    assert sorted(path.name for path in outside.iterdir()) == ["secret"]
    assert (outside / "secret").read_text() == SECRET


def test_nothing_is_read_from_the_host(copying: PalletCLI, tmp_path: Path) -> None:
    for path in ("/abs/secret", "/rel/secret", "/abs/.", "/abs/", "/file/"):
        done = copying("cp", f"cc:{path}", str(tmp_path / "got"))
        assert done.code == 1, path
        assert not (tmp_path / "got").exists()
    for path in ("/abs", "/rel", "/file"):
        assert copying("cp", "-L", f"cc:{path}", str(tmp_path / "got")).code == 1
        copying.ok("cp", f"cc:{path}", str(tmp_path / "link"))
        assert (tmp_path / "link").is_symlink()
        (tmp_path / "link").unlink()


def test_nothing_is_written_to_the_host(copying: PalletCLI, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("from the user\n")
    for path in ("/abs/new", "/rel/new", "/abs/", "/file", "/abs/secret"):
        copying("cp", str(mine), f"cc:{path}")
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name in ("../../../../../../tmp/out", "abs/new", str(tmp_path / "host/new"), "rel/new"):
            member = tarfile.TarInfo(name)
            member.size = 4
            tar.addfile(member, io.BytesIO(b"evil"))
    copying("cp", "-", "cc:/", stdin=made.getvalue())


def test_a_link_in_the_target_is_not_followed(copying: PalletCLI, tmp_path: Path) -> None:
    target = tmp_path / "target"
    (target / "d").mkdir(parents=True)
    (target / "d/sub").symlink_to(tmp_path / "host")
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name in ("d/sub/secret", "d/x"):
            member = tarfile.TarInfo(name)
            member.size = 4
            tar.addfile(member, io.BytesIO(b"evil"))
    copying.ok("cp", "-", "cc:/", stdin=made.getvalue())
    done = copying("cp", "cc:/d", str(target))
    assert (done.code, "cannot overwrite non-directory" in done.stderr) == (1, True)


def test_everything_comes_back(copying: PalletCLI, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "deep/er").mkdir(parents=True)
    (source / "deep/er/data").write_bytes(os.urandom(3_000_000))
    (source / "name\nwith ü").write_text("odd\n")
    (source / "link").symlink_to("deep/er/data")
    os.link(source / "deep/er/data", source / "hard")
    os.mkfifo(source / "fifo")
    os.setxattr(source / "deep", "user.mark", b"1")
    os.chmod(source / "deep", 0o2751)
    os.utime(source / "deep", (1, 1_000_000_000))
    with (source / "sparse").open("wb") as file:
        file.truncate(50_000_000)
    copying.ok("cp", str(source), "cc:/copy")
    copying.ok("cp", "cc:/copy", str(tmp_path / "back"))
    back = tmp_path / "back"
    assert sorted(p.relative_to(back) for p in back.rglob("*")) == sorted(
        p.relative_to(source) for p in source.rglob("*")
    )
    assert (back / "hard").read_bytes() == (source / "hard").read_bytes()
    assert (back / "hard").stat().st_nlink == 2
    assert os.readlink(back / "link") == "deep/er/data"
    assert os.getxattr(back / "deep", "user.mark") == b"1"
    assert (back / "deep").stat().st_mode & 0o7777 == 0o2751
    assert (back / "deep").stat().st_mtime == 1_000_000_000
    assert (back / "sparse").stat().st_size == 50_000_000


def test_sigkill_leaves_the_container_in_order(copying: PalletCLI, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(20_000_000))
    for number in range(8):
        words = ("cp", str(large), "cc:/tmp") if number % 2 else ("cp", "cc:/", str(tmp_path / f"all{number}"))
        process = copying.start(*words)
        time.sleep(0.03 * number)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=20)
    copying.ok("cp", str(large), "cc:/whole")
    copying.ok("start", "cc")
    assert copying.ok("exec", "cc", "wc", "-c", "/whole") == "20000000 /whole"
    copying.ok("rm", "-f", "cc")
    wait_until(lambda: not copying.leaks(), "nothing is left")


def test_volumes_are_part_of_it(box: PalletCLI, tmp_path: Path) -> None:
    (tmp_path / "ro").mkdir()
    (tmp_path / "ro/f").write_text("x\n")
    box.ok(
        "create",
        "--name",
        "vol",
        "--network",
        "none",
        "-v",
        f"{tmp_path}/ro:/ro:ro",
        "-v",
        "named:/data",
        "box",
        "true",
    )
    mine = tmp_path / "mine"
    mine.write_text("into the volume\n")
    for _ in range(2):  # before its first run, and after it
        assert (
            box("cp", str(mine), "vol:/ro/x").stderr
            == "Error response from daemon: mounted volume is marked read-only\n"
        )
        box.ok("cp", str(mine), "vol:/data/f")
        box.ok("start", "-a", "vol")
    assert box.ok("run", "--rm", "--network", "none", "-v", "named:/data", "box", "cat", "/data/f") == "into the volume"
    assert not (tmp_path / "ro/x").exists()
