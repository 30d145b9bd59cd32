"""Namespaces and directories of elsewhere that a container takes part in: other containers', the host's.

Source: docker's documentation of --network, --pid and --ipc; moby, daemon/oci_linux.go; the texts are its own.
"""

from __future__ import annotations

import msgspec

from pallet.engine import Engine
from pallet.errors import HostError, NoSuchContainer
from pallet.host.process import alive
from pallet.ops.container_state import current
from pallet.runtime.launch import Clone
from pallet.runtime.paths import ContainerPaths
from pallet.store.container_record import ContainerRecord

_CONTAINER = "container:"
_SHARED_MODES = ("shareable", "host")


class Joins(msgspec.Struct, frozen=True):
    """What a container takes part in.

    Attributes:
        network: `host`, empty for one of its own, or the path of another container's namespace; likewise
        ipc, pid: `host`, `new`, or a path.
        etc: the container whose network it shares, for its /etc/hosts.
        shm: what is mounted at /dev/shm; empty for a tmpfs of its own.
        clones: mounts to take from other namespaces.
        processes: pid and start time of those whose namespaces these are.
    """

    network: str = ""
    ipc: str = "new"
    pid: str = "new"
    etc: ContainerPaths | None = None
    shm: str = ""
    clones: tuple[Clone, ...] = ()
    processes: tuple[tuple[int, int], ...] = ()

    def check(self) -> None:
        """See that all the others still run, so that no pid stands for another process by now.

        Raises:
            HostError: one has ended.
        """
        for pid, start in self.processes:
            if not alive(pid, start):
                raise HostError("a container whose namespaces are shared has ended")


def find_joins(engine: Engine, record: ContainerRecord) -> Joins:
    """What a container takes part in, right now.

    Raises:
        HostError: another container is missing, does not run, or does not share, in docker's words.
    """
    host = record.host
    modes = (host.network_mode, host.pid_mode, host.ipc_mode)
    if host.network_mode != "host" and not any(mode == "host" or mode.startswith(_CONTAINER) for mode in modes):
        if host.ipc_mode not in ("private", "shareable", "none"):
            raise HostError(f"Invalid IPC mode: {host.ipc_mode}")
        return Joins()
    paths = ContainerPaths(engine.settings, record.id)
    network, ipc, pid, shm, etc = "", "new", "new", "", None
    clones: tuple[Clone, ...] = ()
    processes = []
    if host.network_mode == "host":
        network = "host"
    elif host.network_mode.startswith(_CONTAINER):
        other, process = _running(engine, host.network_mode, "cannot join network of a non running container: {id}")
        network, etc = f"/proc/{process[0]}/ns/net", ContainerPaths(engine.settings, other.id)
        processes.append(process)
    if host.pid_mode == "host":
        pid = "host"
    elif host.pid_mode.startswith(_CONTAINER):
        _, process = _running(engine, host.pid_mode, "container {id} is not running")
        pid = f"/proc/{process[0]}/ns/pid"
        processes.append(process)
    if host.ipc_mode == "host":
        ipc, shm = "host", "/dev/shm"
    elif host.ipc_mode.startswith(_CONTAINER):
        cannot = "can't join IPC of container {id}: "
        other, process = _running(engine, host.ipc_mode, cannot + "container {id} is not running")
        if other.host.ipc_mode not in _SHARED_MODES:
            hint = "non-shareable IPC (hint: use IpcMode:shareable for the donor container)"
            raise HostError(cannot.format(id=other.id) + hint)
        ipc, shm = f"/proc/{process[0]}/ns/ipc", paths.run + "/shm"
        clones = (Clone(process[0], "/dev/shm", shm),)
        processes.append(process)
    return Joins(network, ipc, pid, etc, shm, clones, tuple(processes))


def _running(engine: Engine, mode: str, text: str) -> tuple[ContainerRecord, tuple[int, int]]:
    """The container that a mode names, and its first process; `text` if it does not run."""
    try:
        record = engine.store.containers.find(mode.removeprefix(_CONTAINER))
        brief, now = current(engine, record.id)
    except NoSuchContainer as error:
        raise HostError(error.message) from error
    if not now.running or not alive(brief.pid, brief.pid_start):
        raise HostError(text.format(id=record.id))
    return record, (brief.pid, brief.pid_start)
