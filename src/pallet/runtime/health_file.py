"""What the last health checks of a container found: a file that its supervisor writes and others read.

The first line has the status, the start of the run that it belongs to (nanoseconds since the epoch) and nothing else;
the second is docker's Health object. Quick path: imports nothing but os.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.runtime.paths import ContainerPaths

STARTING = "starting"
UNHEALTHY = "unhealthy"
STATUSES = (STARTING, "healthy", UNHEALTHY, "none")


def path_of(paths: ContainerPaths) -> str:
    """The file's path."""
    return paths.directory + "/health"


def read_status(paths: ContainerPaths, started: int, *, watched: bool) -> str:
    """The status of a container that runs and has a check.

    Args:
        paths: its paths.
        started: when its run began.
        watched: whether its supervisor lives. If not, nobody knows how the container is until there is another one.
    """
    status, run, _ = _read(paths)
    return status if watched and run == started else STARTING


def read_log(paths: ContainerPaths) -> bytes:
    """docker's Health object as it was written; empty if there is none."""
    return _read(paths)[2]


def write(paths: ContainerPaths, status: str, started: int, health: bytes) -> None:
    """Write the file, whole or not at all.

    Raises:
        OSError: the disk is full, ...
    """
    import os

    path = path_of(paths)
    with open(path + ".new", "wb") as file:
        file.write(b"%s %d\n%s\n" % (status.encode(), started, health))
    os.rename(path + ".new", path)


def _read(paths: ContainerPaths) -> tuple[str, int, bytes]:
    try:
        with open(path_of(paths), "rb") as file:
            first, _, rest = file.read().partition(b"\n")
    except FileNotFoundError:
        return "", 0, b""
    status, _, run = first.decode().partition(" ")
    return status, int(run or 0), rest.strip()
