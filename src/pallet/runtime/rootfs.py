"""A container's root file system: an overlay mount that exists in private mount namespaces only.

All paths of the mount options are relative to the store's root, which keeps them short (they share one page) and free
of characters that overlay would take for its own.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from pallet.host import mounts
from pallet.host.erofs import mounted_images
from pallet.runtime.paths import ContainerPaths

# What docker's daemon makes in the layer between an image and its containers, so that a commit does not see it.
_MOUNT_POINTS = {
    "dev/pts": "dir",
    "dev/shm": "dir",
    "proc": "dir",
    "sys": "dir",
    ".dockerenv": "file",
    "etc/resolv.conf": "file",
    "etc/hosts": "file",
    "etc/hostname": "file",
    "dev/console": "file",
    "etc/mtab": "/proc/mounts",
}


def make_private() -> None:
    """Move this thread into a mount namespace of its own; what the host mounts still comes in, nothing goes out."""
    mounts.unshare(mounts.CLONE_FS | mounts.CLONE_NEWNS)
    mounts.mount(None, "/", None, mounts.MS_REC | mounts.MS_SLAVE)


def mount_root(paths: ContainerPaths, layers: Sequence[str]) -> None:
    """Mount a container's root file system at `paths.merged`, in a mount namespace that must be private already.

    Args:
        paths: the container's paths.
        layers: the directories of the image's unpacked layers, top first.

    Raises:
        OSError, HostError: the kernel refuses.
    """
    os.chdir(paths.root)
    own = "containers/" + paths.id
    below = _relative(paths.root, layers)
    with mounted_images(layers):
        if not os.path.exists(own + "/init"):
            # Named when it is whole: a run that dies in between starts over.
            fresh = f"{own}/init.new"
            os.makedirs(fresh, 0o755, exist_ok=True)
            if below:
                _mount(own, below, fresh)
                _make_mount_points(own + "/merged")
                mounts.unmount(own + "/merged", mounts.MNT_DETACH)
            else:
                _make_mount_points(fresh)
            os.rename(fresh, own + "/init")
        _mount(own, [own + "/init", *below], own + "/upper")


def container_layers(paths: ContainerPaths, layers: Sequence[str]) -> list[str]:
    """The directories that make up a container's root file system, top first: what it changed, what pallet put in.

    Args:
        paths: the container's paths.
        layers: the directories of the image's unpacked layers, top first.
    """
    init = f"{paths.root}/containers/{paths.id}/init"
    return [paths.upper, *([init] if os.path.exists(init) else []), *layers]


def _mount(own: str, lowers: list[str], upper: str) -> None:
    mounts.mount_overlay(lowers, upper, own + "/work", own + "/merged")


def _relative(root: str, layers: Sequence[str]) -> list[str]:
    return [os.path.relpath(layer, root) for layer in layers]


def _make_mount_points(root: str) -> None:
    """Make what docker makes; no name on the way is followed: what is no directory there is replaced."""
    for path, kind in _MOUNT_POINTS.items():
        *parents, name = path.split("/")
        fd = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for parent in parents:
                _make(fd, parent, "dir")
                below = os.open(parent, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
                os.close(fd)
                fd = below
            _make(fd, name, kind)
        finally:
            os.close(fd)


def _make(parent: int, name: str, kind: str) -> None:
    try:
        if stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            return
        os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        pass
    if kind == "dir":
        os.mkdir(name, 0o755, dir_fd=parent)
    elif kind == "file":
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o755, dir_fd=parent))
    else:
        os.symlink(kind, name, dir_fd=parent)
