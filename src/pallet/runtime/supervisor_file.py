"""Whether a container's supervisor lives: the file that it holds a lock on has its pid and start time.

Quick path: imports nothing but os.
"""

from __future__ import annotations

from pallet.host.process import alive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.runtime.paths import ContainerPaths


def supervisor(paths: ContainerPaths) -> tuple[int, int]:
    """The supervisor's pid and start time; zeros if there is none."""
    try:
        with open(paths.supervisor, "rb") as file:
            words = file.read().split()
    except FileNotFoundError:
        return 0, 0
    return (int(words[0]), int(words[1])) if len(words) == 2 else (0, 0)


def is_supervised(paths: ContainerPaths) -> bool:
    """Whether the container's supervisor lives."""
    return alive(*supervisor(paths))
