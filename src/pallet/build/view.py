"""Looking at the root file systems of stages: overlays that are mounted for a moment, where nobody else sees them."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TypeVar

from pallet.errors import HostError
from pallet.host.inroot import open_in_root

_T = TypeVar("_T")


def with_views(scratch: str, stacks: Sequence[Sequence[str]], function: Callable[[list[int]], _T]) -> _T:
    """Call `function` with root directories, each opened; the mounts are gone afterwards.

    It runs in a thread with a mount namespace of its own. The lower directories of the first stack are mounted there,
    too, if they are images.

    Args:
        scratch: an existing directory, for mount points.
        stacks: of each root the directories of its layers, top first; none for an empty root.
        function: gets a descriptor of each root.

    Raises:
        HostError: the kernel refuses.
    """
    if not any(stacks):
        return _called(scratch, stacks, function)
    from pallet.host.mounts import run_in_mount_namespace

    return run_in_mount_namespace(lambda: _called(scratch, stacks, function))


def _called(scratch: str, stacks: Sequence[Sequence[str]], function: Callable[[list[int]], _T]) -> _T:
    from pallet.host import mounts
    from pallet.host.erofs import mounted_images

    roots: list[int] = []
    with ExitStack() as stack:
        for number, layers in enumerate(stacks):
            place = f"{scratch}/view-{number}"
            os.makedirs(place, exist_ok=True)
            if layers:
                stack.enter_context(mounted_images(layers))
                mounts.mount_overlay(layers, None, None, place)
                stack.callback(mounts.unmount, place, mounts.MNT_DETACH)
            root = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            stack.callback(os.close, root)
            roots.append(root)
        return function(roots)


def real_path(root: int, path: str) -> str:
    """Where a path of a root leads, symlinks followed inside it: relative to the root, "" for the root itself.

    Raises:
        OSError: as open(2): it is not there, ...
    """
    if not path:
        return ""
    fd = open_in_root(root, path, os.O_PATH)
    try:
        base, found = os.readlink(f"/proc/self/fd/{root}"), os.readlink(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)
    if found == base:
        return ""
    if base == "/":
        return found[1:]
    if not found.startswith(base + "/"):
        raise HostError(f"{path} moved away while it was read")
    return found[len(base) + 1 :]


def lstat_in_root(root: int, path: str) -> os.stat_result | None:
    """lstat(2) of a path whose directories are no symlinks; None if there is nothing."""
    try:
        return os.stat(path or ".", dir_fd=root, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None


def is_directory(found: os.stat_result | None) -> bool:
    """Whether that is a directory."""
    return found is not None and stat.S_ISDIR(found.st_mode)
