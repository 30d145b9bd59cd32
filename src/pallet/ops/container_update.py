"""`docker container update`: other limits, or another restart policy, for a container that exists.

Source: docker 20.10, container/container_unix.go, UpdateContainer, and daemon/update.go; the error texts are its own.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pallet.engine import Engine
from pallet.errors import Conflict, HostError, InvalidInput, PalletError, Unsupported
from pallet.host.idmap import in_user_namespace
from pallet.host.locks import lock
from pallet.oci.codec import encode
from pallet.ops.container_state import current, runtime_of
from pallet.ops.create_resources import check_resources
from pallet.ops.record_event import container_event
from pallet.ops.supervision import ensure_supervisor, restarts
from pallet.runtime.cgroups import group_of, lift_quota
from pallet.runtime.limits import limits
from pallet.runtime.paths import ContainerPaths
from pallet.store.container_record import ContainerRecord
from pallet.store.host_config import Resources, RestartPolicy

_POLICIES = ("", "no", "always", "unless-stopped", "on-failure")


def update_container(
    engine: Engine,
    name: str,
    resources: Resources,
    restart: RestartPolicy | None = None,
    *,
    warn: Callable[[str], None],
) -> None:
    """Change limits and restart policy; a running container gets the limits at once.

    Args:
        engine: whose store.
        name: its name, id or id prefix.
        resources: the new limits; what is 0, empty or None stays as it is.
        restart: the new restart policy; None to keep the old one.
        warn: gets docker's text for each limit that this machine does not have.

    Raises:
        NoSuchContainer: there is none.
        InvalidInput: limits that make no sense, with docker's text.
        Unsupported: limits for a container of a user without privileges.
        Conflict: they do not go with those the container has.
        HostError: the runtime cannot set them.
    """
    if restart is not None:
        _check_policy(restart)
    if resources != Resources() and in_user_namespace():
        raise Unsupported(
            "without privileges containers have no limits of their cgroup: run them as root, or with --ulimit"
        )
    warnings: list[str] = []
    wanted = check_resources(resources, warnings.append, update=True)
    id = engine.store.containers.find_id(name)
    with lock(ContainerPaths(engine.settings, id).lock):
        record = engine.store.containers.find(id)
        try:
            merged = _merged(record, resources, wanted)
            if restart is not None and record.host.auto_remove and restart.name not in ("", "no"):
                raise Conflict("Restart policy cannot be updated because AutoRemove is enabled for the container")
            host = msgspec.structs.replace(
                record.host,
                resources=merged,
                restart_policy=record.host.restart_policy if restart is None else restart,
            )
            running = current(engine, id)[1].running
            if running and merged != record.host.resources:
                # docker keeps real-time limits for the next start.
                now = msgspec.structs.replace(merged, cpu_rt_period=0, cpu_rt_runtime=0)
                runtime_of(engine, record).update(id, encode(limits(now)))
                if merged.cpu_quota < 0:
                    lift_quota(group_of(merged, id))
        except PalletError as error:
            kind = type(error) if isinstance(error, Conflict) else HostError
            raise kind(f"Cannot update container {id}: {error.message}") from error
        with engine.store.db.transaction():
            engine.store.containers.set_host(id, host)
            container_event(engine, record, "update")
    for text in warnings:
        warn(text)
    if restart is not None and running and restarts(engine.store.containers.find(id)):
        ensure_supervisor(engine, id)


def _check_policy(policy: RestartPolicy) -> None:
    if policy.name not in _POLICIES:
        raise InvalidInput(f"invalid restart policy '{policy.name}'")
    if policy.retries and policy.name != "on-failure":
        raise InvalidInput(f"maximum retry count cannot be used with restart policy '{policy.name}'")
    if policy.retries < 0:
        raise InvalidInput("maximum retry count cannot be negative")


def _merged(record: ContainerRecord, asked: Resources, wanted: Resources) -> Resources:
    has = record.host.resources
    if asked.nano_cpus and has.cpu_period:
        raise Conflict("Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set")
    if asked.nano_cpus and has.cpu_quota > 0:
        raise Conflict("Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set")
    if asked.cpu_period and has.nano_cpus:
        raise Conflict("Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set")
    if asked.cpu_quota > 0 and has.nano_cpus:
        raise Conflict("Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set")
    if asked.memory and asked.memory > has.memory_swap and not asked.memory_swap and has.memory_swap >= 0:
        raise Conflict(
            "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time"
        )
    # What `wanted` adds by itself (swap for memory) is the default of a new container only.
    changed = {
        field: getattr(wanted, field)
        for field in Resources.__struct_fields__
        if getattr(asked, field) and getattr(wanted, field)
    }
    return msgspec.structs.replace(has, **changed)
