"""A build of which all is found has little to do: it must not load what only making layers needs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.support.pallet import PalletCLI

from pallet.sdk.engine import Engine

_NEEDLESS = {
    *("ctypes", "csv", "base64", "pallet.host.mounts", "pallet.layer.unpack", "pallet.gotemplate.values"),
    *("pallet.build.sandbox", "pallet.build.layerwrite", "pallet.build.runspec", "pallet.build.cachespec"),
}


def test_what_is_found_loads_nothing_that_makes_layers(pallet: PalletCLI, busybox_tar: Path, tmp_path: Path) -> None:
    pallet.ok("import", str(busybox_tar), "box")
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM box\nCOPY . /all\nRUN echo made > /made\nENV A=b\n")
    pallet.ok("build", "-q", "-t", "made", str(context))
    pallet.env["PYTHONPROFILEIMPORTTIME"] = "1"
    again = pallet("build", "-q", "-t", "made", str(context))
    loaded = {line.rpartition("|")[2].strip() for line in again.stderr.splitlines() if line.startswith("import time:")}
    assert "pallet.build.copystep" in loaded
    assert not loaded & _NEEDLESS


def test_what_is_found_waits_for_no_disk(
    pallet: PalletCLI, busybox_tar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pallet.ok("import", str(busybox_tar), "box")
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM box\nCOPY . /all\nLABEL a=b\n")
    synced: list[int] = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(fd), fsync(fd))[1])
    with Engine(pallet.root, run_dir=pallet.run_dir) as engine:
        first, _ = engine.images.build(path=str(context), tag="made:1")
        assert synced
        synced.clear()
        again, _ = engine.images.build(path=str(context), tag="made:1")
        assert (again.id, synced) == (first.id, [])
        engine.images.build(path=str(context), tag="made:2")
        assert synced
