"""A container's root file system: an overlay mount that exists in private mount namespaces only.

All paths of the mount options are relative to the store's root, which keeps them short (they share one page) and free
of characters that overlay would take for its own.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from pallet.errors import HostError
from pallet.host import kernel
from pallet.host.process import alive
from pallet.runtime.paths import ContainerPaths
from pallet.store.container_record import ContainerState

_OPTIONS = "index=off,redirect_dir=off,metacopy=off"
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
    """Move this process into a mount namespace of its own; what the host mounts still comes in, nothing goes out."""
    kernel.unshare(kernel.CLONE_NEWNS)
    kernel.mount("", "/", "", kernel.MS_REC | kernel.MS_SLAVE)


def mount_root(paths: ContainerPaths, layers: Sequence[str]) -> None:
    """Mount a container's root file system at `paths.merged`, in a mount namespace that must be private already.

    Args:
        paths: the container's paths.
        layers: the directories of the image's unpacked layers, top first.

    Raises:
        OSError: the kernel refuses.
    """
    os.chdir(paths.root)
    own = "containers/" + paths.id
    below = _relative(paths.root, layers)
    if not os.path.exists(own + "/init"):
        # Named when it is whole: a run that dies in between starts over.
        fresh = f"{own}/init.new"
        os.makedirs(fresh, 0o755, exist_ok=True)
        if below:
            _mount(own, [*below], fresh)
            _make_mount_points(own + "/merged")
            kernel.unmount(own + "/merged")
        else:
            _make_mount_points(fresh)
        os.rename(fresh, own + "/init")
    _mount(own, [own + "/init", *below], own + "/upper")


@contextmanager
def mounted_root(paths: ContainerPaths, layers: Sequence[str], state: ContainerState) -> Iterator[str]:
    """The root file system of a container, seen from outside, for reading.

    A running container's is the very mount it runs on; a stopped one's is mounted read-only by a child process, in a
    mount namespace that ends with it.

    Args:
        paths: the container's paths.
        layers: the directories of the image's unpacked layers, top first.
        state: how its last run went.

    Yields:
        A directory, as an absolute path without symlinks of the container's making.

    Raises:
        HostError: it cannot be mounted.
    """
    if alive(state.conmon, state.conmon_start):
        monitored = f"/proc/{state.conmon}/root{paths.merged}"
        if alive(state.pid, state.pid_start) and os.path.ismount(monitored):
            yield monitored
            return
    with held_mount(lambda: _mount_for_reading(paths, layers)) as pid:
        yield f"/proc/{pid}/root{paths.merged}"


@contextmanager
def held_mount(mount: Callable[[], None]) -> Iterator[int]:
    """Mount something in a private mount namespace, for as long as the context lasts.

    Args:
        mount: makes the mount; called in a child process, so it must do nothing but system calls.

    Yields:
        The pid of the process whose /proc/PID/root shows the mount.

    Raises:
        HostError: the mount failed.
    """
    said, say = os.pipe()
    waits, hold = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(hold)
            os.close(said)
            make_private()
            mount()
            os.write(say, b"\n")
            os.read(waits, 1)  # ends with the parent, too
        except OSError as error:
            os.write(say, f"{error.filename}: {error.strerror}".encode())
        finally:
            os._exit(0)
    try:
        os.close(say)
        os.close(waits)
        answer = os.read(said, 4096)
        if answer != b"\n":
            raise HostError(f"cannot mount the root file system: {answer.decode(errors='replace')}")
        yield pid
    finally:
        os.close(said)
        os.close(hold)
        os.waitpid(pid, 0)


def _mount_for_reading(paths: ContainerPaths, layers: Sequence[str]) -> None:
    os.chdir(paths.root)
    own = "containers/" + paths.id
    lowers = [
        own + "/upper",
        *([own + "/init"] if os.path.exists(own + "/init") else []),
        *_relative(paths.root, layers),
    ]
    if len(lowers) == 1:  # overlay wants two
        kernel.mount(lowers[0], own + "/merged", "", kernel.MS_BIND)
        return
    options = f"{_OPTIONS},lowerdir={':'.join(lowers)}"
    kernel.mount("overlay", own + "/merged", "overlay", kernel.MS_RDONLY, options)


def _mount(own: str, lowers: list[str], upper: str) -> None:
    options = f"{_OPTIONS},lowerdir={':'.join(lowers)},upperdir={upper},workdir={own}/work"
    kernel.mount("overlay", own + "/merged", "overlay", 0, options)


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
