"""Holding a container still for as long as its holder lives: a frozen container whose holder was killed is let go.

The holder has a lock on a file that says so, beside the container's other files of the run. Whoever finds the container
frozen and nobody with that lock thaws it; without the file it is the user who paused it. Quick path: imports os alone.
"""

from __future__ import annotations

import os

from pallet.host.cgroups import thaw
from pallet.host.locks import FileLock, lock, try_flock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.runtime.paths import ContainerPaths


def hold(paths: ContainerPaths) -> FileLock:
    """Say that the container is about to be frozen by us; the caller has the container's lock.

    Returns:
        What tells that the holder lives. When the container is thawed the holder removes the file, and then lets go.

    Raises:
        HostError: the file cannot be made.
    """
    while True:
        held = lock(paths.held)
        if os.fstat(held.fd).st_nlink:  # else somebody has just removed it
            return held
        held.release()


def is_abandoned(paths: ContainerPaths, pid: int) -> bool:
    """Thaw a frozen container if who held it has died; tell whether that was so.

    Args:
        paths: the container's paths.
        pid: its first process.
    """
    try:
        fd = os.open(paths.held, os.O_RDWR | os.O_CLOEXEC)
    except OSError:  # nobody held it
        return False
    try:
        if not try_flock(fd) or not os.fstat(fd).st_nlink:
            return False
        thaw(pid)
        os.unlink(paths.held)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True
