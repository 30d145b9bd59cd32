"""Processes, told apart from later ones with the same pid by their start time.

Source: proc_pid_stat(5), field 22. Quick path: imports nothing but os.
"""

from __future__ import annotations

import os


def start_time(pid: int) -> int:
    """When a process started, in clock ticks since boot; 0 if there is none, or only its zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The name in parentheses may hold anything; the fields behind it begin with the state, field 3.
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 0 if fields[0] in (b"Z", b"X") else int(fields[19])


def alive(pid: int, start: int) -> bool:
    """Whether the process with this pid is still the one that started then."""
    return pid > 0 and start > 0 and start_time(pid) == start


def open_process(pid: int, start: int) -> int:
    """A descriptor of a process (pidfd_open(2)) that polls readable at its end, or -1 if it has ended."""
    if not alive(pid, start):
        return -1
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return -1
    if alive(pid, start):  # it has not ended between the two looks, so the descriptor is of this process
        return fd
    os.close(fd)
    return -1
