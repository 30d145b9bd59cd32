"""What pallet pulls and unpacks equals what umoci unpacks: types, modes, owners, times, attributes, links, content."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.compat.merged import pallet_tree, umoci_tree
from tests.support.images import Compression, Image, directory, entry, hardlink, image, push, symlink, tar
from tests.support.pallet import PalletCLI
from tests.support.registry import RegistryServer
from tests.support.tree import difference

PART = "long" * 30


def odd_layers() -> list[bytes]:
    """Two layers with everything that a tar can hold."""
    lower = [
        directory("dir/", mode=0o2775, uid=12, gid=34, mtime=1_000_000_000),
        directory("sticky/", mode=0o1777),
        entry("dir/file", b"content", mode=0o640, uid=1000, gid=1001, mtime=1_100_000_000.123),
        entry("setuid", b"x", mode=0o6755),
        entry("none", b"", mode=0),
        entry("before", b"the epoch", mtime=-5),
        hardlink("hard", "dir/file"),
        hardlink("other", "hard"),
        symlink("link", "dir/file", uid=5, gid=6),
        symlink("dangling", "/nowhere/at/all"),
        hardlink("hardsym", "link"),
        entry("fifo", type=tarfile.FIFOTYPE, mode=0o600),
        entry("null", type=tarfile.CHRTYPE, mode=0o666, device=(1, 3)),
        entry("loop", type=tarfile.BLKTYPE, mode=0o660, gid=6, device=(7, 200)),
        entry("capable", b"x", mode=0o755, xattrs={"security.capability": bytes.fromhex("0100000202" + "00" * 15)}),
        entry("attributes", b"x", xattrs={"user.one": b"1", "user.two": b"zwei", "trusted.three": b"3"}),
        directory("attributed/", xattrs={"user.dir": b"d"}),
        *(directory(f"{'/'.join([PART] * depth)}/", mtime=1_200_000_000) for depth in range(1, 5)),
        entry(f"{'/'.join([PART] * 4)}/name", b"deep"),
        entry("ünïcödé \n\t'\"", b"odd name"),
        entry("big-ids", b"", uid=4_000_000_000, gid=4_000_000_001),
        directory("gone/"),
        entry("gone/file", b""),
        directory("opaque/"),
        entry("opaque/old", b""),
        directory("replaced/"),
        entry("replaced/old", b""),
    ]
    upper = [
        entry(".wh.gone"),
        directory("opaque/", mode=0o700),
        entry("opaque/.wh..wh..opq"),
        entry("opaque/new", b"new"),
        entry(".wh.replaced"),
        entry("dir/second", b"second", mtime=1_300_000_000),
        entry("link", b"now a file", mode=0o604),
        directory("dir/", mode=0o711, uid=1, gid=2, mtime=1_400_000_000),
    ]
    return [tar(lower), tar(upper)]


def check(made: Image, name: str, pallet: PalletCLI, registry: RegistryServer) -> None:
    push(made, registry.url, f"umoci/{name}")
    pallet.ok("pull", f"{registry.host}/umoci/{name}")
    # The root directory's own time is nobody's: no layer has an entry for it.
    ours, theirs = pallet_tree(pallet, f"{registry.host}/umoci/{name}"), umoci_tree(made)
    assert len(theirs) > 10
    assert difference(ours, theirs, ignore=("./.",)) == []


@pytest.mark.parametrize("compression", ["plain", "gzip"])
def test_odd_image(compression: Compression, make_pallet: Callable[..., PalletCLI], registry: RegistryServer) -> None:
    check(image(odd_layers(), compression=compression), f"odd-{compression}", make_pallet(), registry)


def test_debian(debian_tar: Path, make_pallet: Callable[..., PalletCLI], registry: RegistryServer) -> None:
    check(image([debian_tar.read_bytes()]), "debian", make_pallet(), registry)
