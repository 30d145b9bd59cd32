"""Where a process's control groups are, and what they say. Quick path: imports nothing.

Source: cgroups(7): with version 1 one hierarchy a controller, each at /sys/fs/cgroup/CONTROLLER; with version 2 one for
all at /sys/fs/cgroup. A hybrid set-up has both, and its controllers are version 1's.
"""

from __future__ import annotations

_MOUNTS = "/sys/fs/cgroup"


def cgroup_directory(pid: int | str, controller: str) -> str:
    """The directory of a process's group.

    Args:
        pid: the process.
        controller: version 1's name for it: `freezer`, `memory`, `cpuacct`, ...

    Returns:
        The path, in version 2's only hierarchy if the controller has none of its own; empty if there is neither.
    """
    unified = ""
    try:
        with open(f"/proc/{pid}/cgroup", "rb") as file:
            lines = file.read().decode(errors="surrogateescape").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    for line in lines:
        number, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if controller in names.split(","):
            return f"{_MOUNTS}/{controller}{path}"
        if number == "0" and not names:
            unified = path
    # In a hybrid set-up the unified hierarchy is elsewhere, and has no controllers.
    return f"{_MOUNTS}{unified}" if unified and read_value(f"{_MOUNTS}/cgroup.controllers") else ""


def expect_move() -> None:
    """Get the kernel ready for a process's move into another group, while the caller goes on.

    The first move waits for an RCU grace period of 10 to 20 ms, those that follow at once do not. So a thread moves
    this process to the group that it is in; where that may not be, the move takes as long as it takes.
    """
    from _thread import start_new_thread  # `threading` takes longer to import

    start_new_thread(_move_nowhere, ())


def _move_nowhere() -> None:
    try:
        directory = cgroup_directory("self", "pids")
        with open(f"{directory}/cgroup.procs", "wb", buffering=0) as file:
            file.write(b"0")
    except OSError:
        return


def read_value(path: str) -> str:
    """A group's file, stripped; empty if there is none."""
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return ""


def is_frozen(pid: int) -> bool:
    """Whether a process's group is frozen, or about to be, by whoever did it."""
    directory = cgroup_directory(pid, "freezer")
    if not directory:
        return False
    state = read_value(directory + "/freezer.state")
    return state in ("FROZEN", "FREEZING") or read_value(directory + "/cgroup.freeze") == "1"


def thaw(pid: int) -> None:
    """Let the processes of a frozen group go on.

    Args:
        pid: one of them.

    Raises:
        OSError: the group is gone, or not ours to thaw.
    """
    directory = cgroup_directory(pid, "freezer")
    old = read_value(directory + "/freezer.state")
    with open(directory + ("/freezer.state" if old else "/cgroup.freeze"), "w") as file:
        file.write("THAWED" if old else "0")
