"""What a container takes, as docker's API tells it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pallet.ops.times import now_ns, rfc3339_nano

if TYPE_CHECKING:
    from pallet.ops.container_stats import Usage
    from pallet.sdk.engine import Engine

_PAUSE = 1.0  # seconds between two looks
_NEVER = "0001-01-01T00:00:00Z"


def looks(engine: Engine, id: str) -> Iterator[dict[str, Any]]:
    """One object each second, until the container ends; each has the look before in `precpu_stats`.

    Source: docker engine API 1.41, ContainerStats.

    Raises:
        NoSuchContainer: it is gone.
    """
    from pallet.ops.container_state import current
    from pallet.ops.container_stats import container_usage

    before, read = container_usage(engine, id), now_ns()
    while True:
        time.sleep(_PAUSE)
        after, at = container_usage(engine, id), now_ns()
        yield _object(engine, id, after, at) | {"preread": rfc3339_nano(read), "precpu_stats": _cpu(before)}
        if not current(engine, id)[1].running:
            return
        before, read = after, at


def look(engine: Engine, id: str) -> dict[str, Any]:
    """One object at once, with nothing in `precpu_stats`.

    Raises:
        NoSuchContainer: it is gone.
    """
    from pallet.ops.container_stats import container_usage

    nothing = {"cpu_usage": {"total_usage": 0}}
    return _object(engine, id, container_usage(engine, id), now_ns()) | {"preread": _NEVER, "precpu_stats": nothing}


def _object(engine: Engine, id: str, usage: Usage, at: int) -> dict[str, Any]:
    return {
        "id": id,
        "name": "/" + engine.store.containers.brief(id).name,
        "read": rfc3339_nano(at),
        "pids_stats": _known({"current": usage.pids}),
        "cpu_stats": _cpu(usage),
        "memory_stats": _known({"usage": usage.memory, "limit": usage.memory_limit if usage.memory else None}),
        "blkio_stats": {"io_service_bytes_recursive": _block(usage)},
        "networks": {"eth0": _network(usage)} if usage.network else {},
    }


def _known(values: dict[str, int | None]) -> dict[str, int]:
    return {name: value for name, value in values.items() if value is not None}


def _cpu(usage: Usage) -> dict[str, Any]:
    return {
        "cpu_usage": _known({"total_usage": usage.cpu}),
        "system_cpu_usage": usage.system,
        "online_cpus": os.cpu_count() or 1,
    }


def _block(usage: Usage) -> list[dict[str, Any]]:
    if usage.block is None:
        return []
    return [{"op": name, "value": value} for name, value in zip(("Read", "Write"), usage.block, strict=True)]


def _network(usage: Usage) -> dict[str, int]:
    received, sent = usage.network or (0, 0)
    return {"rx_bytes": received, "tx_bytes": sent}
