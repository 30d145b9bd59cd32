"""`docker stats`: what containers take, read from their control groups.

Source: docker 20.10, cli/command/container/stats_helpers.go: what is counted and how; cgroups v1 and v2 of the kernel's
admin guide.
"""

from __future__ import annotations

import os

from pallet.errors import NoSuchContainer
from pallet.host.cgroups import cgroup_directory, read_value
from pallet.host.idmap import in_user_namespace
from pallet.ops.container_state import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.engine import Engine

_TICKS = os.sysconf("SC_CLK_TCK")
_UNLIMITED = 1 << 62


class Usage:
    """What a container takes at one moment; None for what this machine cannot tell.

    Attributes:
        cpu: nanoseconds that its processes have run.
        system: nanoseconds that this machine's processors have run, all together.
        memory: bytes, without the part of the cache that can be given back at once.
        memory_limit: bytes; the machine's memory if there is no lower limit.
        network: bytes received and sent; zeros without a network of its own.
        block: bytes read from and written to disks.
        pids: processes and threads.
    """

    __slots__ = ("block", "cpu", "memory", "memory_limit", "network", "pids", "system")

    def __init__(self) -> None:
        self.cpu: int | None = 0
        self.system = 0
        self.memory: int | None = 0
        self.memory_limit = 0
        self.network: tuple[int, int] | None = (0, 0)
        self.block: tuple[int, int] | None = (0, 0)
        self.pids: int | None = 0


def container_usage(engine: Engine, id: str) -> Usage:
    """What a container takes right now; nothing if it does not run.

    Args:
        engine: whose store.
        id: its full id.

    Raises:
        NoSuchContainer: it is gone.
    """
    usage = Usage()
    brief, now = current(engine, id)
    if not now.running:
        return usage
    pid = brief.pid
    usage.network = _network(pid) if brief.network_mode not in ("host", "none") else (0, 0)
    if in_user_namespace():  # it has no group of its own: what its group has used is others', too
        usage.cpu = usage.memory = usage.block = usage.pids = None
        return usage
    usage.system = _system()
    usage.cpu = _cpu(pid)
    usage.memory, usage.memory_limit = _memory(pid)
    usage.block = _block(pid)
    usage.pids = _number(_file(pid, "pids", "pids.current"))
    return usage


def cpu_percent(before: Usage, after: Usage) -> float | None:
    """How much of one processor a container took between two looks, in percent; None if nobody can tell."""
    if before.cpu is None or after.cpu is None:
        return None
    used, passed = after.cpu - before.cpu, after.system - before.system
    return used / passed * (os.cpu_count() or 1) * 100 if used > 0 and passed > 0 else 0.0


def running_ids(engine: Engine, *, all: bool = False) -> list[str]:
    """The full ids of the containers that run, or of all, newest first."""
    found = []
    for brief in engine.store.containers.briefs():
        try:
            if all or current(engine, brief.id)[1].running:
                found.append(brief.id)
        except NoSuchContainer:
            continue
    return found


def _file(pid: int, controller: str, name: str) -> str:
    directory = cgroup_directory(pid, controller)
    return read_value(f"{directory}/{name}") if directory else ""


def _number(text: str) -> int | None:
    return int(text) if text.isdigit() else None


def _fields(text: str) -> dict[str, int]:
    """Lines of a name and a number."""
    pairs = (line.split() for line in text.splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def _cpu(pid: int) -> int | None:
    old = _number(_file(pid, "cpuacct", "cpuacct.usage"))
    if old is not None:
        return old
    new = _fields(_file(pid, "cpu", "cpu.stat")).get("usage_usec")
    return None if new is None else new * 1000


def _system() -> int:
    words = read_value("/proc/stat").partition("\n")[0].split()
    # user, nice, system, idle, iowait, irq, softirq, steal: guests are counted in user already.
    return sum(int(word) for word in words[1:9]) * 10**9 // _TICKS


def _memory(pid: int) -> tuple[int | None, int]:
    whole = _fields(read_value("/proc/meminfo").replace(":", " ").replace(" kB", "")).get("MemTotal", 0) * 1024
    used = _number(_file(pid, "memory", "memory.usage_in_bytes"))
    if used is not None:
        limit = _number(_file(pid, "memory", "memory.limit_in_bytes")) or _UNLIMITED
        cache = _fields(_file(pid, "memory", "memory.stat")).get("total_inactive_file", 0)
    else:
        used = _number(_file(pid, "memory", "memory.current"))
        limit = _number(_file(pid, "memory", "memory.max")) or _UNLIMITED
        cache = _fields(_file(pid, "memory", "memory.stat")).get("inactive_file", 0)
    if used is None:
        return None, 0
    return used - cache if cache < used else used, min(limit, whole) if whole else limit


def _block(pid: int) -> tuple[int, int] | None:
    if not cgroup_directory(pid, "blkio"):
        return None
    read = written = 0
    for name in ("blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_service_bytes"):
        text = _file(pid, "blkio", name)
        if text:
            for line in text.splitlines():
                words = line.lower().split()
                if len(words) == 3:
                    read += int(words[2]) if words[1] == "read" else 0
                    written += int(words[2]) if words[1] == "write" else 0
            return read, written
    for line in _file(pid, "blkio", "io.stat").splitlines():
        for word in line.split()[1:]:
            key, _, value = word.partition("=")
            read += int(value) if key == "rbytes" else 0
            written += int(value) if key == "wbytes" else 0
    return read, written


def _network(pid: int) -> tuple[int, int] | None:
    try:
        with open(f"/proc/{pid}/net/dev") as file:
            lines = file.read().splitlines()[2:]
    except OSError:
        return None
    received = sent = 0
    for line in lines:
        name, _, rest = line.partition(":")
        numbers = rest.split()
        if name.strip() != "lo":
            received += int(numbers[0])
            sent += int(numbers[8])
    return received, sent
