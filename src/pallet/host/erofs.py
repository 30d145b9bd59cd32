"""Layers that are EROFS images, seen as directories: in a private mount namespace, for as long as they are needed.

A layer's directory is `fs`; if an image lies beside it, `fs` is empty and the image is to be mounted there. Overlays
keep what they were made of: once one is mounted, its layers' own mounts can go.

Linux 6.12 and newer mount EROFS from files; older ones through a loop device, which the kernel frees with the mount.
An image whose tar is a file apart, which lies beside it, is mounted with that as a second device.
Source: mount(2), loop(4).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from pallet.errors import HostError

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
    from pallet.host import mounts

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
    from pallet.host import mounts

    try:
        try:
            with ExitStack() as opened:
                options = None
                if os.path.exists(tar_of(image)):
                    tar = _open(tar_of(image), opened)
                    options = f"device=/proc/self/fd/{tar}"  # no path that a user chose: it could have a comma
                mounts.mount(image, directory, "erofs", mounts.MS_RDONLY, options)
        except OSError as error:
            if error.errno != errno.ENOTBLK:
                raise
            mount_by_loop(image, directory)
    except OSError as error:
        raise HostError(f"cannot mount {image}: {error.strerror}") from error


def mount_by_loop(image: str, directory: str) -> None:
    """Mount an EROFS image, and its tar if that is apart, through loop devices. Raises OSError."""
    from pallet.host import mounts

    with ExitStack() as opened:  # the mount has the devices open, too; the last one to close them frees them
        source = _loop_device(_open(image, opened), opened)
        options = None
        if os.path.exists(tar_of(image)):
            options = f"device={_loop_device(_open(tar_of(image), opened), opened)}"
        mounts.mount(source, directory, "erofs", mounts.MS_RDONLY, options)


def _open(path: str, opened: ExitStack) -> int:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    opened.callback(os.close, fd)
    return fd


def _loop_device(file: int, opened: ExitStack) -> str:
    """The path of a loop device for an open file; it is kept as long as a descriptor in `opened`."""
    from fcntl import ioctl

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
                opened.callback(os.close, device)
                return path
            except OSError as error:
                os.close(device)
                if error.errno != errno.EBUSY or attempt == _TRIES - 1:  # somebody else took it
                    raise
    finally:
        os.close(control)
    raise AssertionError("unreachable")
