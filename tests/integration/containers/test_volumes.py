"""Volumes: kept, filled, shared, mounted from elsewhere, and removed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.support import wait_until
from tests.support.pallet import PalletCLI


def _run(box: PalletCLI, *words: str) -> str:
    return box.ok("run", "--rm", "--network", "none", *words)


def test_a_volume_outlives_its_containers(box: PalletCLI) -> None:
    _run(box, "-v", "data:/data", "box", "sh", "-c", "echo kept > /data/file")
    assert _run(box, "-v", "data:/other:ro", "box", "cat", "/other/file") == "kept"
    assert box.ok("volume", "ls", "-q") == "data"
    mountpoint = Path(box.ok("volume", "inspect", "-f", "{{.Mountpoint}}", "data"))
    assert (mountpoint / "file").read_text() == "kept\n"
    box.ok("volume", "rm", "data")
    assert not mountpoint.parent.exists()
    assert os.listdir(box.root / "volumes") == []


def test_an_empty_volume_is_filled_from_the_image_once(box: PalletCLI) -> None:
    box.ok("volume", "create", "etc")
    names = _run(box, "box", "ls", "/bin").split()
    assert _run(box, "-v", "etc:/bin", "box", "ls", "/bin").split() == names
    _run(box, "-v", "etc:/mnt", "box", "sh", "-c", "rm /mnt/vi")
    assert "vi" in names
    assert "vi" not in _run(box, "-v", "etc:/bin", "box", "ls", "/bin").split()


def test_a_copy_that_was_cut_off_is_made_again(box: PalletCLI) -> None:
    names = _run(box, "box", "ls", "/bin").split()
    box.ok("volume", "create", "bin")
    directory = box.root / "volumes" / "bin"
    (directory / "_data" / "half").write_text("")
    (directory / ".filling").touch()  # as a killed copy leaves it
    assert _run(box, "-v", "bin:/bin", "box", "ls", "/bin").split() == names
    assert sorted(os.listdir(directory)) == ["_data"]


def test_anonymous_volumes_go_with_v_and_rm(box: PalletCLI) -> None:
    box.ok("run", "--name", "one", "--network", "none", "-v", "/anon", "-v", "named:/n", "box", "true")
    assert len(box.ok("volume", "ls", "-q").split()) == 2
    box.ok("rm", "-v", "one")
    assert box.ok("volume", "ls", "-q") == "named"
    _run(box, "-v", "/anon", "box", "true")
    assert box.ok("volume", "ls", "-q") == "named"


def test_a_tmpfs_volume(box: PalletCLI) -> None:
    box.ok("volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=1m,uid=5,noexec", "fast")
    box.ok("run", "-d", "--name", "one", "--network", "none", "-v", "fast:/fast", "box", "sleep", "1000")
    line = next(line for line in box.ok("exec", "one", "mount").splitlines() if " /fast " in line)
    assert line.startswith("tmpfs on /fast type tmpfs (")
    assert {"size=1024k", "uid=5", "noexec"} <= set(line.split("(")[1].rstrip(")").split(","))
    done = box("run", "--network", "none", "-v", "fast:/fast", "box", "true")
    assert done.code == 125
    assert "volume fast is a tmpfs, and in use by container" in done.stderr
    for file in ("conmon.pid", "pidfile"):
        os.kill(int((box.run_dir / box.ok("inspect", "-f", "{{.Id}}", "one") / file).read_text()), signal.SIGKILL)
    wait_until(lambda: box.leaks() == [], "no mount is left")


def test_a_directory_elsewhere(box: PalletCLI, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("there\n")
    box.ok("volume", "create", "-o", "type=none", "-o", "o=bind,ro", "-o", f"device={tmp_path}", "other")
    assert _run(box, "-v", "other:/o", "box", "cat", "/o/file") == "there"
    done = box("run", "--rm", "--network", "none", "-v", "other:/o", "box", "touch", "/o/new")
    assert (done.code, "Read-only file system" in done.stderr) == (1, True)
    box.ok("volume", "rm", "-f", "other")
    assert (tmp_path / "file").exists()


def test_what_cannot_be_mounted_is_told_in_dockers_words(box: PalletCLI) -> None:
    box.ok("volume", "create", "-o", "type=none", "-o", "o=bind", "-o", "device=/nosuch", "bad")
    done = box("run", "--rm", "--network", "none", "-v", "bad:/b", "box", "true")
    data = box.root / "volumes/bad/_data"
    assert done.stderr == (
        f"pallet: Error response from daemon: error while mounting volume '{data}': failed to mount local volume: "
        f"mount /nosuch:{data}, flags: 0x1000: no such file or directory.\n"
    )
    assert done.code == 127
    assert box.leaks() == []


def test_disk_usage_and_prune(box: PalletCLI) -> None:
    _run(box, "-v", "big:/b", "box", "sh", "-c", "head -c 2000000 /dev/zero > /b/file")
    box.ok("create", "--name", "one", "-v", "used:/u", "box", "true")
    line = next(line for line in box.ok("system", "df").splitlines() if line.startswith("Local Volumes"))
    assert line.split() == ["Local", "Volumes", "2", "1", "2MB", "2MB", "(100%)"]
    assert "big           0         2MB" in box.ok("system", "df", "-v")
    assert box.ok("volume", "prune", "--dry-run").splitlines()[:2] == ["Would Delete Volumes:", "big"]
    assert box.ok("system", "prune", "-f", "--volumes").splitlines().count("Deleted Volumes:") == 1
    assert box.ok("volume", "ls", "-q") == ""
