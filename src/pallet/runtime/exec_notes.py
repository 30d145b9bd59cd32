"""Which processes of `exec` a container has: a file with a pid for each, which the runtime writes."""

from __future__ import annotations

import os

from pallet.host.process import start_time
from pallet.runtime.paths import ContainerPaths

_BEGINNING = "exec-"


def exec_note(paths: ContainerPaths, exec_id: str) -> str:
    """The file with the pid of one of them."""
    return f"{paths.run}/{_BEGINNING}{exec_id}"


def take_note(paths: ContainerPaths, exec_id: str) -> bool:
    """Remove the note of one that has ended; only who finds it there tells of the end."""
    try:
        os.unlink(exec_note(paths, exec_id))
    except FileNotFoundError:
        return False
    return True


def noted_execs(paths: ContainerPaths) -> list[str]:
    """The ids of those that run, or of whose end nobody has told."""
    try:
        names = os.listdir(paths.run)
    except FileNotFoundError:
        return []
    return sorted(name.removeprefix(_BEGINNING) for name in names if name.startswith(_BEGINNING))


def running_execs(paths: ContainerPaths) -> list[str]:
    """The ids of those that run."""
    found = []
    for exec_id in noted_execs(paths):
        try:
            with open(exec_note(paths, exec_id), "rb") as file:
                pid = int(file.read())
            here = os.stat(f"/proc/{pid}/ns/mnt").st_ino != os.stat("/proc/self/ns/mnt").st_ino
        except (OSError, ValueError):  # ended, or about to begin
            continue
        if here and start_time(pid):
            found.append(exec_id)
    return found
