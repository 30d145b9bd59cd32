"""A container's root file system: an overlay mount that exists in private mount namespaces only.

All paths of the mount options are relative to the store's root, which keeps them short (they share one page) and free
of characters that overlay would take for its own.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pallet.errors import HostError
from pallet.host import mounts
from pallet.host.erofs import mounted_images
from pallet.host.process import alive
from pallet.runtime.paths import ContainerPaths
from pallet.store.container_record import ContainerState

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
    with _HeldMount(paths, layers) as root:
        yield root


class _HeldMount:
    """A read-only mount for as long as a context lasts.

    A thread holds it in a mount namespace of its own, which ends with the thread: nothing is left behind even if the
    process is killed.
    """

    def __init__(self, paths: ContainerPaths, layers: Sequence[str]) -> None:
        self._paths = paths
        self._layers = layers
        self._mounted = threading.Event()
        self._done = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._hold, name="root-file-system", daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        self._mounted.wait()
        if self._error is not None:
            raise HostError(f"cannot mount the root file system: {self._error}") from self._error
        return f"/proc/{os.getpid()}/task/{self._thread.native_id}/root{self._paths.merged}"

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()

    def _hold(self) -> None:
        try:
            make_private()
            os.chdir(self._paths.root)  # the thread's own working directory by now
            own = "containers/" + self._paths.id
            lowers = [own + "/upper", *_relative(self._paths.root, self._layers)]
            if os.path.exists(own + "/init"):
                lowers.insert(1, own + "/init")
            with mounted_images(self._layers):
                mounts.mount_overlay(lowers, None, None, own + "/merged", readonly=True)
        except (OSError, HostError) as problem:
            self._error = problem
        finally:
            self._mounted.set()
        if self._error is None:
            self._done.wait()


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
