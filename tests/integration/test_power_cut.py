"""A machine that goes down right after a pull, a build and a run: what was promised is there when it is up again.

The store is on an ext4 of its own. At some moment its disk is copied, without whatever the kernel has not written yet;
then the machine goes on with that copy.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support import images
from tests.support.pallet import PalletCLI
from tests.support.registry import RegistryServer
from tests.support.storefiles import unexplained

pytestmark = pytest.mark.root

_OTHER = "11111111-2222-3333-4444-555555555555"


class Machine:
    """A store on a disk that can lose what was not written."""

    def __init__(self, pallet: PalletCLI) -> None:
        self.pallet = pallet
        self.disk = pallet.root.parent / "disk"
        pallet.root.mkdir()
        with self.disk.open("wb") as file:
            file.truncate(256 << 20)
        subprocess.run(["mkfs.ext4", "-q", self.disk], check=True)
        self._mount()

    def cut(self) -> None:
        """As if power was lost now, and came back."""
        after = self.disk.with_name("after")
        shutil.copyfile(self.disk, after)
        subprocess.run(["umount", self.pallet.root], check=True)
        after.replace(self.disk)
        self._mount()
        folder = self.pallet.root / "unsynced"
        for name in os.listdir(folder) if folder.exists() else ():
            if name != "lock":
                (folder / name).rename(folder / f"{_OTHER}.{name.partition('.')[2]}")

    def close(self) -> None:
        self.pallet("rm", "-f", *self.pallet("ps", "-aq").stdout.split() or ["none"])
        subprocess.run(["umount", self.pallet.root], check=True)

    def _mount(self) -> None:
        subprocess.run(["mount", "-o", "loop", self.disk, self.pallet.root], check=True)


@pytest.fixture(params=["overlay", "erofs"])
def machine(request: pytest.FixtureRequest, make_pallet: Callable[..., PalletCLI]) -> Iterator[Machine]:
    made = Machine(make_pallet(env={"PALLET_SNAPSHOTTER": request.param}))
    done = made.pallet("import", "-", "empty", stdin=images.tar([]))
    try:
        if "snapshotter does not work here" in done.stderr:
            pytest.skip(done.stderr)
        made.pallet.ok("rmi", "empty")
        made.pallet.ok("system", "prune", "-f")
        yield made
    finally:
        made.close()


def _lost(pallet: PalletCLI, before: dict[str, bytes]) -> list[str]:
    """The files of snapshots that the disk does not have as they were."""
    after = _files(pallet)
    return [name for name, content in before.items() if after.get(name) != content]


def _files(pallet: PalletCLI) -> dict[str, bytes]:
    folder = pallet.root / "snapshots"
    found = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_power_is_cut(machine: Machine, registry: RegistryServer, busybox_tar: Path, tmp_path: Path) -> None:
    pallet = machine.pallet
    noise = random.Random(3)  # noqa: S311
    upper = [images.entry(f"f{number}", noise.randbytes(50_000)) for number in range(40)]
    made = images.image([busybox_tar.read_bytes(), images.tar(upper)], config={"Cmd": ["md5sum", "/f0", "/f39"]})
    images.push(made, registry.url, "power/app", "1")
    name = f"{registry.host}/power/app:1"
    pallet.ok("pull", "-q", name)
    before = _files(pallet)
    machine.cut()
    assert _lost(pallet, before), "else this has shown nothing"
    right = pallet.ok("run", "--rm", "--network", "none", "--pull", "never", name)
    assert right.count("\n") == 1
    assert pallet.ok("system", "check") == ""

    # Right after that: no layer is lost any more, and what is made now is not there yet.
    (tmp_path / "Dockerfile").write_text(f"FROM {name}\nCOPY Dockerfile /copied\n")
    pallet.ok("build", "-q", "-t", "built", str(tmp_path))
    pallet.ok("run", "--name", "one", "--network", "none", "built", "cp", "/f0", "/new")
    pallet.ok("commit", "one", "committed")
    pallet.ok("rm", "one")
    machine.cut()
    script = "md5sum /f0 /f39; cat /copied; cmp /f0 /new"
    ran = pallet.ok("run", "--rm", "--network", "none", "--pull", "never", "committed", "sh", "-c", script)
    assert ran == f"{right}\nFROM {name}\nCOPY Dockerfile /copied"
    assert pallet.ok("system", "check") == ""

    # A container whose image goes by force keeps what it stands on.
    pallet.ok("rmi", "-f", "committed", "built", name)
    pallet.ok("builder", "prune", "-af")
    pallet.ok("pull", "-q", name)
    pallet.ok("create", "--name", "two", name)
    pallet.ok("rmi", "-f", name)
    machine.cut()
    assert pallet.ok("start", "-a", "two") == right
    pallet.ok("rm", "two")
    pallet.ok("system", "prune", "-af")
    assert [line for line in unexplained(pallet) if not line.endswith(("/lost+found", "/build"))] == []
