"""Layers that are EROFS images, seen as directories: in a private mount namespace, for as long as they are needed.

A layer's directory is `fs`; if an image lies beside it, `fs` is empty and the image is to be mounted there. Overlays
keep what they were made of: once one is mounted, its layers' own mounts can go.

Linux 6.12 and newer mount EROFS from files; older ones through a loop device, which the kernel frees with the mount.
Only the former mount an image whose tar is a file apart, which lies beside it.
Source: mount(2), loop(4).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from fcntl import ioctl

from pallet.errors import HostError
from pallet.host import mounts

IMAGE_NAME = "layer.erofs"
TAR_NAME = "layer.tar"

_LOOP_CONTROL = "/dev/loop-control"
_LOOP_CTL_GET_FREE = 0x4C82
_LOOP_CONFIGURE = 0x4C0A
_CONFIG_SIZE = 304
_CONFIG_FLAGS_AT = 60
_READ_ONLY_AUTOCLEAR = 1 | 4
_TRIES = 20


def image_of(directory: str) -> str:
    """Where the image of the layer would be that is seen at `directory`."""
    return os.path.join(os.path.dirname(directory), IMAGE_NAME)


def tar_of(image: str) -> str:
    """Where the tar of an image would be that does not hold it itself."""
    return os.path.join(os.path.dirname(image), TAR_NAME)


def mount_images(directories: Iterable[str]) -> list[str]:
    """Mount those of the layers at `directories` that are images, unless they are mounted already.

    Call it in a private mount namespace only.

    Returns:
        Where something was mounted.

    Raises:
        HostError: the kernel refuses.
    """
    made: list[str] = []
    try:
        for directory in directories:
            image = image_of(directory)
            if os.path.exists(image) and not os.path.ismount(directory):
                mount_image(image, directory)
                made.append(directory)
    except BaseException:
        unmount_images(made)
        raise
    return made


def unmount_images(directories: Sequence[str]) -> None:
    """Take away what `mount_images` mounted."""
    for directory in reversed(directories):
        mounts.unmount(directory, mounts.MNT_DETACH)


@contextmanager
def mounted_images(directories: Iterable[str]) -> Iterator[None]:
    """Have those layers that are images mounted, in a mount namespace that must be private already.

    Raises:
        HostError: the kernel refuses.
    """
    made = mount_images(directories)
    try:
        yield
    finally:
        unmount_images(made)


def mount_image(image: str, directory: str) -> None:
    """Mount an EROFS image, with the tar that lies beside it, if one does.

    Raises:
        HostError: the kernel refuses.
    """
    try:
        if os.path.exists(tar_of(image)):
            _mount_with_tar(image, directory)
            return
        try:
            mounts.mount(image, directory, "erofs", mounts.MS_RDONLY)
        except OSError as error:
            if error.errno != errno.ENOTBLK:
                raise
            mount_by_loop(image, directory)
    except OSError as error:
        raise HostError(f"cannot mount {image}: {error.strerror}") from error


def _mount_with_tar(image: str, directory: str) -> None:
    tar = os.open(tar_of(image), os.O_RDONLY | os.O_CLOEXEC)
    try:  # no path that a user chose may come into the options: it could have a comma
        mounts.mount(image, directory, "erofs", mounts.MS_RDONLY, f"device=/proc/self/fd/{tar}")
    finally:
        os.close(tar)


def mount_by_loop(image: str, directory: str) -> None:
    """Mount an EROFS image through a loop device. Raises OSError."""
    file = os.open(image, os.O_RDONLY | os.O_CLOEXEC)
    try:
        path, device = _loop_device(file)
        try:
            mounts.mount(path, directory, "erofs", mounts.MS_RDONLY)
        finally:
            os.close(device)  # the mount has it open, too; the last one to close it frees it
    finally:
        os.close(file)


def _loop_device(file: int) -> tuple[str, int]:
    """A loop device for an open file: its path, and a descriptor that keeps it."""
    config = bytearray(_CONFIG_SIZE)
    config[:4] = file.to_bytes(4, "little")
    config[_CONFIG_FLAGS_AT : _CONFIG_FLAGS_AT + 4] = _READ_ONLY_AUTOCLEAR.to_bytes(4, "little")
    control = os.open(_LOOP_CONTROL, os.O_RDWR | os.O_CLOEXEC)
    try:
        for attempt in range(_TRIES):
            path = f"/dev/loop{ioctl(control, _LOOP_CTL_GET_FREE)}"
            device = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                ioctl(device, _LOOP_CONFIGURE, bytes(config))
                return path, device
            except OSError as error:
                os.close(device)
                if error.errno != errno.EBUSY or attempt == _TRIES - 1:  # somebody else took it
                    raise
    finally:
        os.close(control)
    raise AssertionError("unreachable")
