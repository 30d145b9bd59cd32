"""The merged tree of an image as it lies unpacked: in pallet's store, and as umoci unpacks it."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import msgspec
from tests.support import need, scratch
from tests.support.images import Image, write_layout
from tests.support.pallet import PalletCLI
from tests.support.tree import Node, list_tree

from pallet.host.erofs import mounted_images
from pallet.host.mounts import run_in_mount_namespace

_MS_RDONLY = 1
_libc = ctypes.CDLL(None, use_errno=True)


def pallet_tree(pallet: PalletCLI, name: str) -> dict[str, Node]:
    """What a container of the image would see, by a read-only overlay of the layers that `image inspect` names."""
    top = pallet.ok("image", "inspect", "-f", "{{.GraphDriver.Data.UpperDir}}", name)
    below = pallet.ok("image", "inspect", "-f", '{{index .GraphDriver.Data "LowerDir"}}', name)
    directories = [top, *(each for each in below.split(":") if each)]
    return run_in_mount_namespace(partial(_merged, directories))


def _merged(directories: list[str]) -> dict[str, Node]:
    with mounted_images(directories):
        if len(directories) == 1:
            return list_tree(Path(directories[0]))
        with _mounted(directories) as path:
            return {name: _without_overlay(node) for name, node in list_tree(path).items()}


def umoci_tree(made: Image) -> dict[str, Node]:
    """What umoci makes of the image: it applies each layer on those below, as containerd does."""
    place = scratch("umoci")
    try:
        write_layout(place / "layout", made)
        subprocess.run(
            [need("umoci"), "raw", "unpack", "--image", f"{place}/layout:latest", f"{place}/tree"],
            check=True,
            capture_output=True,
        )
        return list_tree(place / "tree")
    finally:
        shutil.rmtree(place)


@contextmanager
def _mounted(directories: list[str]) -> Iterator[Path]:
    place = scratch("merged")
    options = "index=off,redirect_dir=off,metacopy=off,lowerdir=" + ":".join(directories)
    if _libc.mount(b"overlay", os.fsencode(place), b"overlay", _MS_RDONLY, options.encode()) != 0:
        place.rmdir()
        raise OSError(ctypes.get_errno(), f"mount {options}")
    try:
        yield place
    finally:
        _libc.umount2(os.fsencode(place), 0)
        place.rmdir()


def _without_overlay(node: Node) -> Node:
    """Overlay's own attributes, which a container does not see."""
    kept = tuple(each for each in node.xattrs if not each[0].startswith("trusted.overlay."))
    return msgspec.structs.replace(node, xattrs=kept)
