"""docker's `NetworkSettings` in `docker container inspect`.

Source: docker engine API 1.41, NetworkSettings; key order as docker 20.10 prints it.
"""

from __future__ import annotations

from typing import Any

from pallet.engine import Engine
from pallet.ops.inspect_host import bindings
from pallet.ops.network_inspect import container_endpoints, endpoint_id
from pallet.runtime.state import Status
from pallet.store.container_record import ContainerRecord, ContainerState, NetworkState
from pallet.store.networks import BRIDGE_ID


def network_settings(engine: Engine, record: ContainerRecord, state: ContainerState, now: Status) -> dict[str, Any]:
    """The container's networks, and the default bridge's part of them once more.

    Args:
        engine: whose store.
        record: the container.
        state: how its last run went.
        now: what it is doing.
    """
    network = state.network if now.running else NetworkState()
    ports: dict[str, list[dict[str, str]] | None] = {}
    if network.ip:
        ports = dict.fromkeys(record.config.exposed_ports or {})
        ports = dict(sorted((ports | bindings(network.ports)).items()))
    on_bridge = [each.place for each in engine.store.networks.of_container(record.id) if each.network == BRIDGE_ID]
    place = on_bridge[0] if on_bridge and now.running else NetworkState()
    return {
        "Bridge": "",
        "SandboxID": record.id if state.started else "",
        "HairpinMode": False,
        "LinkLocalIPv6Address": "",
        "LinkLocalIPv6PrefixLen": 0,
        "Ports": ports,
        "SandboxKey": f"/proc/{state.pid}/ns/net" if now.running else "",
        "SecondaryIPAddresses": None,
        "SecondaryIPv6Addresses": None,
        "EndpointID": endpoint_id(record.id, BRIDGE_ID) if place.ip else "",
        "Gateway": place.gateway,
        "GlobalIPv6Address": place.ip6,
        "GlobalIPv6PrefixLen": place.prefix6,
        "IPAddress": place.ip,
        "IPPrefixLen": place.prefix,
        "IPv6Gateway": place.gateway6,
        "MacAddress": place.mac,
        "Networks": container_endpoints(engine, record, running=now.running, started=bool(state.started)),
    }
