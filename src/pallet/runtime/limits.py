"""What a container may take, in the OCI runtime's words; the runtime has them for cgroups of either version.

Source: OCI runtime spec 1.0.2, config-linux.md ("Control groups") and config.md ("POSIX process").
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from pallet.errors import HostError
from pallet.store.host_config import DeviceValue, Resources

_PERIOD = 100_000  # microseconds, in which `--cpus` counts
_UNLIMITED = (1 << 64) - 1


def limits(asked: Resources) -> dict[str, Any]:
    """The `linux.resources` object, without its devices.

    Raises:
        HostError: a device that is missing, with docker's text.
    """
    if asked.cpu_shares < 0:
        raise HostError("shares: invalid argument")
    period, quota = asked.cpu_period, asked.cpu_quota
    if asked.nano_cpus:
        period, quota = _PERIOD, asked.nano_cpus * _PERIOD // 10**9
    groups: dict[str, dict[str, Any]] = {
        "memory": {
            "limit": asked.memory if asked.memory > 0 else None,
            "reservation": asked.memory_reservation or None,
            "swap": asked.memory_swap if asked.memory_swap > 0 else None,
            "swappiness": asked.memory_swappiness,
            "disableOOMKiller": asked.oom_kill_disable or None,
        },
        "cpu": {
            "shares": asked.cpu_shares or None,
            "period": period or None,
            "quota": quota if quota > 0 else None,
            "realtimePeriod": asked.cpu_rt_period or None,
            "realtimeRuntime": asked.cpu_rt_runtime or None,
            "cpus": asked.cpuset_cpus or None,
            "mems": asked.cpuset_mems or None,
        },
        "pids": {"limit": asked.pids_limit if asked.pids_limit and asked.pids_limit > 0 else None},
        "blockIO": {
            "weight": asked.blkio_weight or None,
            "weightDevice": _devices(asked.blkio_weight_device, "weight"),
            "throttleReadBpsDevice": _devices(asked.read_bps, "rate"),
            "throttleWriteBpsDevice": _devices(asked.write_bps, "rate"),
            "throttleReadIOPSDevice": _devices(asked.read_iops, "rate"),
            "throttleWriteIOPSDevice": _devices(asked.write_iops, "rate"),
        },
    }
    said = {name: {key: value for key, value in group.items() if value is not None} for name, group in groups.items()}
    return {name: group for name, group in said.items() if group}


def rlimits(asked: Resources) -> list[dict[str, Any]]:
    """The `process.rlimits` list."""
    return [
        {
            "type": f"RLIMIT_{limit.name.upper()}",
            "hard": limit.hard if limit.hard >= 0 else _UNLIMITED,
            "soft": limit.soft if limit.soft >= 0 else _UNLIMITED,
        }
        for limit in asked.ulimits
    ]


def _devices(values: Iterable[DeviceValue], name: str) -> list[dict[str, int]] | None:
    found = []
    for value in values:
        try:
            number = os.stat(value.path).st_rdev
        except OSError as error:
            raise HostError(f"stat {value.path}: {(error.strerror or '').lower()}") from error
        found.append({"major": os.major(number), "minor": os.minor(number), name: value.value})
    return found or None
