"""Limits of a new container, checked as docker's daemon checks them; what this machine cannot do is dropped, and said.

Source: moby, daemon/daemon_unix.go; the texts are its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from pallet.errors import InvalidInput
from pallet.runtime import cgroups
from pallet.store.host_config import Resources

_LEAST_MEMORY = 6 << 20
_NOT_MOUNTED = "or the cgroup is not mounted."

# The field, what it takes, docker's words, and the field's value when it is dropped.
_NEEDS: tuple[tuple[str, str, str, Any], ...] = (
    (
        "memory",
        "memory",
        f"Your kernel does not support memory limit capabilities {_NOT_MOUNTED} Limitation discarded.",
        0,
    ),
    (
        "memory_swappiness",
        "swappiness",
        f"Your kernel does not support memory swappiness capabilities {_NOT_MOUNTED} Memory swappiness discarded.",
        None,
    ),
    (
        "memory_reservation",
        "reservation",
        f"Your kernel does not support memory soft limit capabilities {_NOT_MOUNTED} Limitation discarded.",
        0,
    ),
    (
        "kernel_memory",
        "kernel_memory",
        f"Your kernel does not support kernel memory limit capabilities {_NOT_MOUNTED} Limitation discarded.",
        0,
    ),
    ("oom_kill_disable", "oom", "Your kernel does not support OomKillDisable. OomKillDisable discarded.", False),
    (
        "pids_limit",
        "pids",
        f"Your kernel does not support PIDs limit capabilities {_NOT_MOUNTED} PIDs limit discarded.",
        None,
    ),
    ("cpu_shares", "cpu_shares", f"Your kernel does not support CPU shares {_NOT_MOUNTED} Shares discarded.", 0),
    (
        "cpu_period",
        "cpu_quota",
        "Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.",
        0,
    ),
    (
        "cpu_quota",
        "cpu_quota",
        "Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.",
        0,
    ),
    ("cpuset_cpus", "cpuset", f"Your kernel does not support cpuset {_NOT_MOUNTED} CPUset discarded.", ""),
    ("cpuset_mems", "cpuset", f"Your kernel does not support cpuset {_NOT_MOUNTED} CPUset discarded.", ""),
    (
        "blkio_weight",
        "blkio_weight",
        f"Your kernel does not support Block I/O weight {_NOT_MOUNTED} Weight discarded.",
        0,
    ),
    (
        "blkio_weight_device",
        "blkio_weight_device",
        f"Your kernel does not support Block I/O weight_device {_NOT_MOUNTED} Weight-device discarded.",
        (),
    ),
    (
        "read_bps",
        "read_bps",
        f"Your kernel does not support BPS Block I/O read limit {_NOT_MOUNTED} Block I/O BPS read limit discarded.",
        (),
    ),
    (
        "write_bps",
        "write_bps",
        f"Your kernel does not support BPS Block I/O write limit {_NOT_MOUNTED} Block I/O BPS write limit discarded.",
        (),
    ),
    (
        "read_iops",
        "read_iops",
        f"Your kernel does not support IOPS Block read limit {_NOT_MOUNTED} Block I/O IOPS read limit discarded.",
        (),
    ),
    (
        "write_iops",
        "write_iops",
        f"Your kernel does not support IOPS Block I/O write limit {_NOT_MOUNTED} Block I/O IOPS write limit discarded.",
        (),
    ),
)


def check_resources(
    asked: Resources, warn: Callable[[str], None], *, can: Iterable[str] | None = None, update: bool = False
) -> Resources:
    """What a container can get of what is asked for.

    Args:
        asked: the user's words.
        warn: gets docker's text for each limit that is dropped.
        can: what the machine can limit, as `cgroups.supported` tells; None to look.
        update: whether the container exists already, with limits of its own.

    Raises:
        InvalidInput: limits that make no sense, with docker's text.
    """
    if asked == Resources():
        return asked
    can = cgroups.supported() if can is None else frozenset(can)
    if asked.kernel_memory:
        warn("Specifying a kernel memory limit is deprecated and will be removed in a future release.")
    _check_memory(asked, update)
    _check_cpu(asked, can)
    got: dict[str, Any] = {}
    said: set[str] = set()
    for field, needed, text, dropped in _NEEDS:
        value = getattr(asked, field)
        if value and needed not in can:
            if text not in said:
                warn(text)
            said.add(text)
            got[field] = dropped
    left = msgspec.structs.replace(asked, **got)
    left = _check_swap(asked, left, can, warn)
    if left.oom_kill_disable and not left.memory:
        warn(
            "OOM killer is disabled for the container, but no memory limit is set, this can result in the system "
            "running out of resources."
        )
    _check_sets(left)
    if left.blkio_weight and not 10 <= left.blkio_weight <= 1000:
        raise InvalidInput("Range of blkio weight is from 10 to 1000")
    return left


def _check_memory(asked: Resources, update: bool) -> None:
    memory, swap, reservation = asked.memory, asked.memory_swap, asked.memory_reservation
    if memory and memory < _LEAST_MEMORY:
        raise InvalidInput("Minimum memory limit allowed is 6MB")
    if memory > 0 and 0 < swap < memory:
        raise InvalidInput("Minimum memoryswap limit should be larger than memory limit, see usage")
    if not memory and swap > 0 and not update:
        raise InvalidInput("You should always set the Memory limit when using Memoryswap limit, see usage")
    swappiness = asked.memory_swappiness
    if swappiness is not None and not 0 <= swappiness <= 100:
        raise InvalidInput(f"Invalid value: {swappiness}, valid memory swappiness range is 0-100")
    if 0 < reservation < _LEAST_MEMORY:
        raise InvalidInput("Minimum memory reservation allowed is 6MB")
    if 0 < memory < reservation:
        raise InvalidInput("Minimum memory limit can not be less than memory reservation limit, see usage")
    if 0 < asked.kernel_memory < _LEAST_MEMORY:
        raise InvalidInput("Minimum kernel memory limit allowed is 6MB")


def _check_cpu(asked: Resources, can: Iterable[str]) -> None:
    if asked.nano_cpus:
        for name, value in (("Period", asked.cpu_period), ("Quota", asked.cpu_quota)):
            if value > 0:
                raise InvalidInput(f"Conflicting options: Nano CPUs and CPU {name} cannot both be set")
        if "cpu_quota" not in can:
            raise InvalidInput(
                f"NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler {_NOT_MOUNTED}".rstrip(".")
            )
        count = len(os.sched_getaffinity(0))
        if not 0 < asked.nano_cpus <= count * 10**9:
            raise InvalidInput(f"Range of CPUs is from 0.01 to {count}.00, as there are only {count} CPUs available")
    if asked.cpu_period and not 1000 <= asked.cpu_period <= 1_000_000:
        raise InvalidInput("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)")
    if 0 < asked.cpu_quota < 1000:
        raise InvalidInput("CPU cfs quota can not be less than 1ms (i.e. 1000)")


def _check_swap(asked: Resources, left: Resources, can: Iterable[str], warn: Callable[[str], None]) -> Resources:
    """Swap goes with memory: unless the user says otherwise, a container may swap as much again."""
    replace = msgspec.structs.replace
    if asked.memory and not left.memory:
        return replace(left, memory_swap=-1)
    if left.memory > 0 and left.memory_swap != -1 and "swap" not in can:
        warn(f"Your kernel does not support swap limit capabilities {_NOT_MOUNTED} Memory limited without swap.")
        return replace(left, memory_swap=-1)
    if left.memory > 0 and not left.memory_swap:
        return replace(left, memory_swap=left.memory * 2)
    return left


def _check_sets(asked: Resources) -> None:
    for kind, text, what in (("cpus", asked.cpuset_cpus, "CPUs"), ("mems", asked.cpuset_mems, "memory nodes")):
        if not text:
            continue
        try:
            wanted = cgroups.parse_list(text)
        except ValueError as error:
            raise InvalidInput(f"Invalid value {text} for cpuset {kind}: {error}") from None
        there = cgroups.available(kind)
        if not wanted <= cgroups.parse_list(there):
            raise InvalidInput(f"Requested {what} are not available - requested {text}, available: {there}")
