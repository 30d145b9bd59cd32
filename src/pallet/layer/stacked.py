"""Applying a layer on top of the layers below it: slower than alone, and exact whatever its tar does.

The layers below are mounted as an overlay with an empty upper directory, in a mount namespace that lives only until the
unpack worker holds the mount; nothing is left mounted, whatever dies. What the worker changes there is the layer: the
kernel writes it into the upper directory in overlayfs's own terms.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from threading import Thread

from pallet.errors import HostError
from pallet.host import mounts
from pallet.host.erofs import mounted_images
from pallet.host.files import remove_tree
from pallet.layer import whiteout
from pallet.layer.settle import copy_directory_metadata
from pallet.layer.snapshots import Staging
from pallet.layer.unpack import Unpacker, UnpackJob
from pallet.layer.unpacked import Unpacked

_OPTIONS = {False: "index=off,redirect_dir=off,metacopy=off", True: "index=off,userxattr"}


def apply_on_top(
    unpacker: Unpacker,
    staging: Staging,
    lowers: Sequence[str],
    blob: Iterator[bytes],
    media_type: str,
    *,
    userxattr: bool = False,
) -> Unpacked:
    """Apply a layer on top of others; what it changes is then in `staging.fs`.

    Args:
        unpacker: does the unpacking.
        staging: where the layer goes; empty.
        lowers: the directories of the layers below, top first; all in the same store as `staging`. The top one is
            mounted already if it is an image.
        blob: the layer's bytes, as stored.
        media_type: the layer's.
        userxattr: mount without privileges.

    Raises:
        Integrity, UnsafeArchive: the layer is at fault.
        HostError: the machine is.
    """
    merged, work = os.path.join(staging.path, "merged"), os.path.join(staging.path, "work")
    try:
        os.mkdir(merged)
        os.mkdir(work)
        # The root of an overlay is its upper directory's root. A tar that describes the root will change it.
        copy_directory_metadata(os.fsencode(lowers[0]), os.fsencode(staging.fs))
    except OSError as error:
        raise HostError(f"cannot make {error.filename}: {error.strerror}") from error
    with _start(unpacker, staging.path, lowers, media_type, userxattr) as job:
        for chunk in blob:
            job.write(chunk)
        result = job.finish()
    remove_tree(merged)
    remove_tree(work)
    try:
        _forget_origins(os.fsencode(staging.fs))
    except OSError as error:
        raise HostError(f"cannot finish {os.fsdecode(error.filename or staging.fs)}: {error.strerror}") from error
    return result


def _start(unpacker: Unpacker, staging: str, lowers: Sequence[str], media_type: str, userxattr: bool) -> UnpackJob:
    """Mount the overlay where nobody else sees it, and hand it to a worker."""
    jobs: list[UnpackJob] = []
    errors: list[BaseException] = []

    def mount_and_start() -> None:
        try:
            # Namespace and working directory are this thread's own from here on, and end with it. The worker's open
            # directory keeps the mount alive for as long as the worker needs it.
            mounts.unshare(mounts.CLONE_NEWNS)
            mounts.mount(None, "/", None, mounts.MS_REC | mounts.MS_SLAVE)
            # Names relative to the staging directory are short and hold no character that an option would need escaped.
            os.chdir(staging)
            names = ":".join(os.path.relpath(lower, staging) for lower in lowers)
            options = f"lowerdir={names},upperdir=fs,workdir=work,{_OPTIONS[userxattr]}"
            with mounted_images(lowers):
                mounts.mount("overlay", "merged", "overlay", 0, options)
            jobs.append(unpacker.start("merged", media_type, mode="tree", userxattr=userxattr))
        except BaseException as error:
            errors.append(error)

    thread = Thread(target=mount_and_start, name="mount")
    thread.start()
    thread.join()
    if errors:
        if isinstance(errors[0], OSError):
            raise HostError(f"cannot mount the layers below: {errors[0].strerror}") from errors[0]
        raise errors[0]
    return jobs[0]


def _forget_origins(upper: bytes) -> None:
    """Drop what the kernel noted on copied files for its own use in this mount; opaque directories stay marked."""
    waiting = [upper]
    while waiting:
        directory = waiting.pop()
        _drop_notes(directory)
        with os.scandir(directory) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    waiting.append(entry.path)
                else:
                    _drop_notes(entry.path)


def _drop_notes(path: bytes) -> None:
    for name in map(os.fsencode, os.listxattr(path, follow_symlinks=False)):
        if name.startswith(whiteout.OVERLAY_XATTRS) and not name.endswith(whiteout.OVERLAY_OPAQUE.encode()):
            os.removexattr(path, name, follow_symlinks=False)
