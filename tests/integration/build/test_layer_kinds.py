"""A COPY of many files makes an EROFS image, one of few a tree; both show the same, and so does what lies on them."""

from __future__ import annotations

import os
import struct
import tarfile
from pathlib import Path

import pytest
from tests.support.pallet import PalletCLI

from pallet.layer.erofs.probe import why_no_images

_MANY = 80
_TEXT = "FROM {base}\nCOPY . /all/\nRUN rm /all/3 && echo more >> /all/4 && ls /all | wc -l > /count\n"


def _context(path: Path) -> Path:
    context = path / "context"
    context.mkdir()
    (context / ".dockerignore").write_text(".dockerignore\nDockerfile\n")
    for number in range(_MANY):
        (context / f"{number}").write_text(f"{number}\n")
    return context


def _images(box: PalletCLI) -> int:
    return len(list((box.root / "snapshots").glob("*/layer.erofs")))


@pytest.fixture
def box(pallet: PalletCLI, busybox_tar: Path) -> PalletCLI:
    """pallet with the image `box`, a tree."""
    pallet.ok("--snapshotter", "overlay", "import", str(busybox_tar), "box")
    return pallet


def _shown(box: PalletCLI) -> list[str]:
    command = "cat /count /all/4; ls -ln /all | tail -n +2 | sort | md5sum; [ -e /all/3 ] || echo gone"
    return box.ok("run", "--rm", "--network", "none", "made", "sh", "-c", command).splitlines()


def test_both_kinds_of_layer_are_the_same(box: PalletCLI, tmp_path: Path) -> None:
    if reason := why_no_images(str(tmp_path)):
        pytest.skip(reason)
    context = _context(tmp_path)
    (context / "Dockerfile").write_text(_TEXT.format(base="box"))
    box.ok("build", "-t", "made", str(context))
    assert _images(box) == 1
    image = _shown(box)
    layers = box.ok("image", "inspect", "--format", "{{json .RootFS.Layers}}", "made").split(",")
    assert image[:3] == [str(_MANY - 1), "4", "more"]
    assert image[-1] == "gone"
    assert box.ok("system", "check") is not None
    box.ok("--snapshotter", "overlay", "build", "--no-cache", "-t", "made", str(context))
    trees = box.ok("image", "inspect", "--format", "{{json .RootFS.Layers}}", "made").split(",")
    assert trees[:2] == layers[:2]
    assert _shown(box) == image


def test_few_files_make_a_tree(box: PalletCLI, tmp_path: Path) -> None:
    context = _context(tmp_path)
    (context / "Dockerfile").write_text("FROM box\nCOPY 1 2 /few/\n")
    box.ok("build", "-t", "made", str(context))
    assert _images(box) == 0


def test_what_no_image_can_hold_makes_a_tree(box: PalletCLI, tmp_path: Path) -> None:
    context = _context(tmp_path)
    entries = ((1, 7, 0xFFFFFFFF), (2, 4, 1234), (4, 4, 0xFFFFFFFF), (16, 7, 0xFFFFFFFF), (32, 4, 0xFFFFFFFF))
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    try:
        os.setxattr(context / "5", "system.posix_acl_access", acl)
    except OSError as error:
        pytest.skip(f"no ACLs here: {error}")
    (context / "Dockerfile").write_text(_TEXT.format(base="box"))
    box.ok("build", "-t", "made", str(context))
    assert _images(box) == 0
    assert _shown(box)[:3] == [str(_MANY - 1), "4", "more"]


def test_what_leaves_the_store_is_compressed(box: PalletCLI, tmp_path: Path) -> None:
    context = _context(tmp_path)
    (context / "Dockerfile").write_text("FROM box\nCOPY . /all/\n")
    box.ok("build", "-t", "made", str(context))
    archive = tmp_path / "oci.tar"
    box.ok("build", "--output", f"type=oci,dest={archive}", str(context))  # found in the cache, where it may be plain
    with tarfile.open(archive) as tar:
        first = [tar.extractfile(member).read(2) for member in tar if member.size > 1000]  # type: ignore[union-attr]
    assert first.count(b"\x1f\x8b") == 2  # the base, and the files
