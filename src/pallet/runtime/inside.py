"""Work on a container's files in a child process whose root is the container's: nothing it does can leave it.

For a running container that is what its first process sees, volumes included; a stopped one's file system is mounted,
with its volumes, in a mount namespace that ends with the child.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from pallet import errors
from pallet.errors import HostError, PalletError
from pallet.host import mounts
from pallet.host.inroot import make_directories_in_root, open_in_root
from pallet.runtime.copy_up import fill_volume
from pallet.runtime.paths import ContainerPaths
from pallet.runtime.rootfs import make_private, mount_root
from pallet.store.container_record import Mount

Job = Callable[[], Any]


class Inside:
    """A job in a child process. `finish` must be called once.

    Args:
        paths: the container's paths.
        pid: the container's first process; 0 if it does not run.
        layers: the directories of the image's unpacked layers, top first.
        volumes: its mounts.
        job: does the work, with the container's root as its root; what it returns (numbers, bytes, tuples of them)
            comes back from `finish`. All it imports must have been imported before.
        keep: open files that the job uses.

    Raises:
        HostError: the container has just ended.
    """

    def __init__(
        self,
        paths: ContainerPaths,
        pid: int,
        layers: Sequence[str],
        volumes: Sequence[Mount],
        job: Job,
        keep: Sequence[int] = (),
    ) -> None:
        root = -1
        if pid:
            try:
                root = os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            except OSError as error:
                raise HostError(f"cannot look into container {paths.id}: {error.strerror}") from error
        self._report, report = os.pipe2(os.O_CLOEXEC)
        self._pid = os.fork()
        if self._pid == 0:
            _work(paths, root, layers, volumes, job, report, {*keep, root, report})
        os.close(report)
        if root >= 0:
            os.close(root)

    def finish(self) -> Any:
        """Wait for the end of the job.

        Returns:
            What it returned.

        Raises:
            PalletError: what it raised.
        """
        said = b""
        while chunk := os.read(self._report, 1 << 16):
            said += chunk
        os.close(self._report)
        os.waitpid(self._pid, 0)
        if not said:
            raise HostError("the process that worked inside the container was killed")
        kind, value = msgspec.msgpack.decode(said)
        if kind:
            found = getattr(errors, kind, HostError)
            error: PalletError = found.__new__(found)
            PalletError.__init__(error, value)
            raise error
        return value


def _work(
    paths: ContainerPaths,
    root: int,
    layers: Sequence[str],
    volumes: Sequence[Mount],
    job: Job,
    report: int,
    keep: set[int],
) -> None:
    """The child's part; never returns."""
    answer: tuple[str, Any]
    try:
        os.setsid()
        os.umask(0)
        _close_others(keep)
        if root >= 0:
            os.fchdir(root)
        else:
            make_private()
            mount_root(paths, layers)
            _mount_volumes(paths.merged, volumes)
            os.chdir(paths.merged)
        os.chroot(".")
        answer = ("", job())
    except PalletError as error:
        answer = (type(error).__name__, error.message)
    except OSError as error:
        where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        answer = ("HostError", where + (error.strerror or str(error)).lower())
    except BaseException as error:
        answer = ("HostError", repr(error))
    try:
        os.write(report, msgspec.msgpack.encode(answer))
    finally:
        os._exit(0)


def _close_others(keep: set[int]) -> None:
    """Close what others wait for the end of: with a pipe's end open here it would not come."""
    low = 3
    for fd in sorted(each for each in keep if each >= low):
        os.closerange(low, fd)
        low = fd + 1
    os.closerange(low, os.sysconf("SC_OPEN_MAX"))


def _mount_volumes(merged: str, volumes: Sequence[Mount]) -> None:
    root = os.open(merged, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for volume in sorted(volumes, key=lambda each: each.destination.count("/")):
            if volume.type == "volume":
                fill_volume(volume.source, root, volume.destination)
            try:
                if os.path.isdir(volume.source):
                    make_directories_in_root(root, volume.destination)
                target = open_in_root(root, volume.destination, os.O_PATH)
            except OSError:  # it cannot be mounted; the next start will say why
                continue
            try:
                place = f"/proc/self/fd/{target}"
                mounts.mount(volume.source, place, None, mounts.MS_BIND | mounts.MS_REC)
                if volume.read_only:
                    mounts.mount(None, place, None, mounts.MS_BIND | mounts.MS_REMOUNT | mounts.MS_RDONLY)
            except OSError:
                continue
            finally:
                os.close(target)
    finally:
        os.close(root)
