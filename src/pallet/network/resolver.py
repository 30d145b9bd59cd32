"""aardvark-dns, which resolves containers' names: netavark starts it and tells it of containers; here is its end.

Source: aardvark-dns(8): a directory with a file for each network and the resolver's pid; at SIGHUP it reads them.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

from pallet.host.files import remove_tree, unlink_if_there


def forget_network(directory: str, key: str, *, last: bool) -> None:
    """Make sure that nothing is left of a network whose last container has gone.

    Args:
        directory: where the resolver has its files.
        key: what aardvark-dns calls the network.
        last: whether no other network has containers.
    """
    files = f"{directory}/aardvark-dns"
    if not os.path.isdir(directory):
        return
    if os.path.exists(f"{files}/{key}"):
        # Its container was never said to have left: netavark was killed, or is not there any more.
        unlink_if_there(f"{files}/{key}")
        _signal(files, signal.SIGHUP)
    if last:
        end_resolver(directory)


def end_resolver(directory: str) -> None:
    """End a resolver, and remove its files; none is fine."""
    if os.path.isdir(directory):
        _signal(f"{directory}/aardvark-dns", signal.SIGKILL)
        remove_tree(directory)


def rename_container(directory: str, key: str, container: str, names: Sequence[str]) -> None:
    """Let a container have other names in a network.

    Args:
        directory: where the resolver has its files.
        key: what aardvark-dns calls the network.
        container: the container's id.
        names: all its names there.
    """
    files = f"{directory}/aardvark-dns"
    try:
        with open(f"{files}/{key}") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return
    for number, line in enumerate(lines):
        if line.startswith(f"{container} "):
            lines[number] = " ".join([*line.split(" ")[:3], ",".join(names)])
    fresh = f"{files}/.{key}"
    with open(fresh, "w") as file:
        file.write("\n".join(lines) + "\n")
    os.rename(fresh, f"{files}/{key}")
    _signal(files, signal.SIGHUP)


def _signal(files: str, number: int) -> None:
    try:
        with open(f"{files}/aardvark.pid", "rb") as file:
            pid = int(file.read())
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().split(b"\0")
        if files.encode() in words:  # not another process with this pid
            os.kill(pid, number)
    except (OSError, ValueError):
        return
