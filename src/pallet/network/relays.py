"""Starting and ending containers' relays (`pallet.network.relay`)."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

from pallet.errors import HostError
from pallet.host.process import alive, start_time
from pallet.host.spawn import Spawned
from pallet.network import relay

# The shell ends at once; what it leaves behind is nobody's child, and holds no stream of ours.
_DETACH = '"$@" </dev/null >/dev/null 2>&1 & echo $!'


def start_relay(
    pid: int, address: str, sockets: Sequence[tuple[int, str]], *, kept: Sequence[int] = ()
) -> tuple[int, int]:
    """Start the relay of a container.

    Args:
        pid: the container's first process, with which the relay ends.
        address: the container's.
        sockets: listening ones, and the container's port (`80/tcp`) of each.
        kept: what it holds open beside them.

    Returns:
        The relay's pid and start time.

    Raises:
        HostError: it cannot be started.
    """
    fds = [*(fd for fd, _ in sockets), *kept]
    words = [f"{fd}:{port.replace('/', ':')}" for fd, port in sockets]
    argv = [sys.executable, "-I", "-S", relay.__file__, str(pid), address, *words]
    done = Spawned(["/bin/sh", "-c", _DETACH, "sh", *argv], fds=fds, alone=True).wait()
    if done.code != 0:
        raise HostError(f"cannot pass IPv6 connections on: {done.stderr.decode(errors='replace').strip()}")
    found = int(done.stdout)
    return found, start_time(found)


def stop_relay(process: tuple[int, int]) -> None:
    """End a relay; one that has ended is fine.

    Args:
        process: its pid and start time.
    """
    if alive(*process):
        try:
            os.kill(process[0], signal.SIGTERM)
        except ProcessLookupError:
            return
