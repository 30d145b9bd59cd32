"""Which processes of `exec` a container has: a file with a pid for each, which the runtime writes."""

from __future__ import annotations

import os

from pallet.host.process import start_time
from pallet.runtime.paths import ContainerPaths

_BEGINNING = "exec-"


def exec_note(paths: ContainerPaths, exec_id: str) -> str:
    """The file with the pid of one of them."""
    return f"{paths.run}/{_BEGINNING}{exec_id}"


def running_execs(paths: ContainerPaths) -> list[str]:
    """The ids of those that run."""
    found = []
    try:
        names = os.listdir(paths.run)
    except FileNotFoundError:
        return []
    for name in names:
        if not name.startswith(_BEGINNING):
            continue
        try:
            with open(f"{paths.run}/{name}", "rb") as file:
                pid = int(file.read())
            here = os.stat(f"/proc/{pid}/ns/mnt").st_ino != os.stat("/proc/self/ns/mnt").st_ino
        except (OSError, ValueError):  # ended, or about to begin
            continue
        if here and start_time(pid):
            found.append(name.removeprefix(_BEGINNING))
    return sorted(found)
