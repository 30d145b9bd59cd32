"""Whether this kernel mounts such images, and whether it may be asked to: tried out, in a namespace of its own."""

from __future__ import annotations

import os

from pallet.errors import HostError
from pallet.host.erofs import IMAGE_NAME, mount_image, tar_of
from pallet.host.files import remove_tree
from pallet.host.idmap import in_user_namespace
from pallet.host.mounts import run_in_mount_namespace
from pallet.layer.erofs import ondisk
from pallet.layer.erofs.tree import LayerTree, Node
from pallet.layer.erofs.write import write_metadata

_CONTENT = b"erofs"


def why_no_images(directory: str, *, apart: bool = False) -> str:
    """Make and mount an image with one file in it.

    Args:
        directory: where images would be kept; made if it is missing.
        apart: try an image whose tar is a file apart.

    Returns:
        Why images cannot be used here; empty if they can.
    """
    if os.geteuid() != 0 or in_user_namespace():
        return "EROFS images can only be mounted by root"
    scratch = os.path.join(directory, "probe-" + os.urandom(6).hex())
    image, target = os.path.join(scratch, IMAGE_NAME), os.path.join(scratch, "fs")
    try:
        os.makedirs(target, 0o700)
        _write(image, tar_of(image) if apart else image)

        def read() -> bytes:
            mount_image(image, target)
            with open(target + "/file", "rb") as file:
                return file.read()

        return "" if run_in_mount_namespace(read) == _CONTENT else "the kernel misreads EROFS images"
    except OSError as error:
        return f"cannot try out an EROFS image: {error.strerror}"
    except HostError as error:
        return error.message
    finally:
        remove_tree(scratch)


def _write(image: str, tar: str) -> None:
    tree = LayerTree(base=True)
    assert tree.root.children is not None
    tree.root.children[b"file"] = Node(0o100644, 0, 0, 0, len(_CONTENT), 0)
    with open(image, "wb+", buffering=0) as file:
        if tar == image:
            os.pwrite(file.fileno(), _CONTENT, ondisk.HEADER)
            write_metadata(file.fileno(), tree, ondisk.BLOCK, bytes(16))
            return
        with open(tar, "wb+", buffering=0) as apart:
            apart.write(_CONTENT.ljust(ondisk.BLOCK, b"\0"))
            write_metadata(file.fileno(), tree, ondisk.BLOCK, bytes(16), apart.fileno())
