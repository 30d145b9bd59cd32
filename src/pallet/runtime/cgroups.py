"""What this machine's cgroups can limit, of either version.

Sources: the kernel's admin-guide/cgroup-v1 and cgroup-v2.rst; which file tells what follows docker (`docker info`).
"""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from signal import SIGKILL

from pallet.host.idmap import in_user_namespace
from pallet.runtime.oci_runtime import has_cgroups_v2

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.store.host_config import Resources

_ROOT = "/sys/fs/cgroup"
_MOST = 8192  # the largest number in a list, docker's
_TRIES = 100
_PAUSE = 0.005  # seconds between them

# What can be limited: the files (controller/name) of cgroups v1, any of which must be there.
_V1 = {
    "memory": ("memory/memory.limit_in_bytes",),
    "swap": ("memory/memory.memsw.limit_in_bytes",),
    "reservation": ("memory/memory.soft_limit_in_bytes",),
    "swappiness": ("memory/memory.swappiness",),
    "kernel_memory": ("memory/memory.kmem.limit_in_bytes",),
    "oom": ("memory/memory.oom_control",),
    "cpu_shares": ("cpu/cpu.shares",),
    "cpu_quota": ("cpu/cpu.cfs_quota_us",),
    "cpu_realtime": ("cpu/cpu.rt_runtime_us",),
    "cpuset": ("cpuset/cpuset.cpus", "cpuset/cpus"),
    "pids": ("pids/cgroup.procs",),
    "blkio_weight": ("blkio/blkio.weight",),
    "blkio_weight_device": ("blkio/blkio.weight_device",),
    "read_bps": ("blkio/blkio.throttle.read_bps_device",),
    "write_bps": ("blkio/blkio.throttle.write_bps_device",),
    "read_iops": ("blkio/blkio.throttle.read_iops_device",),
    "write_iops": ("blkio/blkio.throttle.write_iops_device",),
}
# The same by the controllers of cgroups v2; what is not here, v2 does not have.
_V2 = {
    "memory": ("memory", "swap", "reservation"),
    "cpu": ("cpu_shares", "cpu_quota"),
    "cpuset": ("cpuset",),
    "pids": ("pids",),
    "io": ("blkio_weight", "blkio_weight_device", "read_bps", "write_bps", "read_iops", "write_iops"),
}


def supported(root: str = _ROOT) -> frozenset[str]:
    """What can be limited here: `memory`, `swap`, `cpu_quota`, `pids`, `read_bps`, ...

    Args:
        root: where the cgroups are mounted.
    """
    if root == _ROOT and in_user_namespace():
        return frozenset()  # none of them is the user's
    if not has_cgroups_v2() if root == _ROOT else not os.path.exists(f"{root}/cgroup.controllers"):
        return frozenset(name for name, files in _V1.items() if any(os.path.exists(f"{root}/{file}") for file in files))
    with open(f"{root}/cgroup.controllers") as file:
        controllers = file.read().split()
    return frozenset(name for controller in controllers for name in _V2.get(controller, ()))


def available(kind: str, root: str = _ROOT) -> str:
    """The CPUs or memory nodes that containers may be bound to, as the kernel writes them: `0-3`.

    Args:
        kind: `cpus` or `mems`.
        root: where the cgroups are mounted.
    """
    for path in (f"{root}/cpuset/cpuset.{kind}", f"{root}/cpuset.{kind}.effective", f"{root}/cpuset/{kind}"):
        try:
            with open(path) as file:
                return file.read().strip()
        except OSError:
            continue
    return ""


def parse_list(text: str) -> frozenset[int]:
    """The numbers of `0-3,7`.

    Raises:
        ValueError: it is no such list.
    """
    found: set[int] = set()
    for part in text.split(",") if text else ():
        first, dash, last = part.partition("-")
        if not all(number.isascii() and number.isdigit() for number in ((first, last) if dash else (first,))):
            raise ValueError(f"invalid format: {part or text}")
        low, high = int(first), int(last if dash else first)
        if high < low:
            raise ValueError(f"invalid format: {part}")
        if high > _MOST:
            raise ValueError(f"value of out range, maximum is {_MOST}")
        found.update(range(low, high + 1))
    return frozenset(found)


def group_of(asked: Resources, id: str) -> str:
    """The cgroup of a container, in every hierarchy: `/pallet/ID`, or below the parent that the user wants."""
    parent = os.path.normpath("/" + asked.cgroup_parent.lstrip("/")).rstrip("/") if asked.cgroup_parent else "/pallet"
    return f"{parent}/{id}"


def lift_quota(path: str, root: str = _ROOT) -> None:
    """Let a container's cgroup have all the CPU time there is: what crun cannot, with cgroups of version 1.

    Args:
        path: the cgroup.
        root: where the cgroups are mounted.
    """
    file, text = ("cpu.max", "max") if has_cgroups_v2() else ("cpu.cfs_quota_us", "-1")
    with open(f"{root}{'' if has_cgroups_v2() else '/cpu'}{path}/{file}", "w") as target:
        target.write(text)


def end_group(path: str, root: str = _ROOT) -> None:
    """Remove a container's cgroup where it is left, ending the processes in it.

    The runtime does, unless it was killed before it had written down that there is a container.

    Args:
        path: the cgroup, the container's own.
        root: where the cgroups are mounted.
    """
    for hierarchy in _hierarchies(root):
        group = f"{hierarchy}/{path.strip('/')}"
        for _ in range(_TRIES):
            try:
                os.rmdir(group)
                break
            except OSError as error:
                if error.errno != errno.EBUSY:  # it is gone, or not ours
                    break
            _kill_all(group)
            time.sleep(_PAUSE)


def _kill_all(group: str) -> None:
    try:
        with open(f"{group}/cgroup.procs") as file:
            pids = [int(line) for line in file]
    except OSError:
        return
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, SIGKILL)


def remove_empty(path: str, root: str = _ROOT) -> None:
    """Remove a cgroup that was made for containers, and those above it, in all hierarchies; the used ones stay.

    Args:
        path: the cgroup: `/parent/child`.
        root: where the cgroups are mounted.
    """
    for hierarchy in _hierarchies(root):
        left = path.strip("/")
        while left:
            try:
                os.rmdir(f"{hierarchy}/{left}")
            except OSError:  # it is used, or was never there
                break
            left = left.rpartition("/")[0]


def _hierarchies(root: str) -> list[str]:
    return [root] if has_cgroups_v2() else [f"{root}/{name}" for name in os.listdir(root)]
