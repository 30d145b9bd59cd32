"""`docker network inspect`, and the networks in `docker container inspect`.

Source: docker engine API 1.41, NetworkResource and NetworkSettings; key order as docker 20.10 prints it.
"""

from __future__ import annotations

from typing import Any

from pallet.digest import sha256_hex
from pallet.engine import Engine
from pallet.errors import NoSuchContainer, NotFound
from pallet.ops.container_networks import dns_aliases
from pallet.ops.container_state import current
from pallet.ops.times import rfc3339_nano
from pallet.store.container_record import ContainerRecord, EndpointSettings, NetworkState
from pallet.store.networks import BRIDGE_ID, PREDEFINED, Network


def find_network(engine: Engine, name: str) -> Network:
    """The network with this name, id or id prefix.

    Raises:
        NotFound: there is none; the text of docker's client.
    """
    try:
        return engine.store.networks.find(name)
    except NotFound as error:
        raise NotFound(f"No such network: {name}") from error


def inspect_network(engine: Engine, name: str) -> dict[str, Any]:
    """Inspect a network.

    Args:
        engine: whose store.
        name: its name, id or id prefix.

    Returns:
        docker's JSON object.

    Raises:
        NotFound: there is none.
    """
    network = find_network(engine, name)
    return {
        "Name": network.name,
        "Id": network.id,
        "Created": rfc3339_nano(network.created),
        "Scope": "local",
        "Driver": network.driver,
        "EnableIPv6": network.ipv6,
        "IPAM": {
            "Driver": "default",
            "Options": None if network.predefined else dict(network.ipam_options),
            "Config": _ipam(engine, network),
        },
        "Internal": network.internal,
        "Attachable": network.attachable,
        "Ingress": False,
        "ConfigFrom": {"Network": network.config_from},
        "ConfigOnly": network.config_only,
        "Containers": _containers(engine, network),
        "Options": _options(network),
        "Labels": dict(sorted(network.labels.items())),
    }


def _ipam(engine: Engine, network: Network) -> list[dict[str, Any]]:
    if network.id == BRIDGE_ID:
        from pallet.ops.network_create import bridge_pool

        subnet, gateway = bridge_pool(engine)
        return [{"Subnet": subnet, "Gateway": gateway}]
    found = []
    if network.subnet:
        gateway = network.gateway if network.chosen or network.own_gateway else ""
        found.append(_pool(network.written or network.subnet, network.ip_range, gateway, network.aux_addresses))
    six = network.pool6
    if six is not None:
        gateway = six.gateway if six.own_gateway else ""
        found.append(_pool(six.written or six.subnet, six.ip_range, gateway, six.aux_addresses))
    return found


def _pool(subnet: str, ip_range: str, gateway: str, aux_addresses: dict[str, str]) -> dict[str, Any]:
    fields: dict[str, Any] = {"Subnet": subnet}
    if ip_range:
        fields["IPRange"] = ip_range
    if gateway:
        fields["Gateway"] = gateway
    if aux_addresses:
        fields["AuxiliaryAddresses"] = dict(sorted(aux_addresses.items()))
    return fields


def _options(network: Network) -> dict[str, str]:
    if network.id != BRIDGE_ID:
        return dict(sorted(network.options.items()))
    return {
        "com.docker.network.bridge.default_bridge": "true",
        "com.docker.network.bridge.enable_icc": "true",
        "com.docker.network.bridge.enable_ip_masquerade": "true",
        "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",
        "com.docker.network.bridge.name": network.link,
        "com.docker.network.driver.mtu": "1500",
    }


def _containers(engine: Engine, network: Network) -> dict[str, dict[str, str]]:
    """The running containers of a network."""
    found = {}
    if network.id in (PREDEFINED[1].id, PREDEFINED[2].id):
        for record in engine.store.containers.all():
            if record.host.network_mode == network.name and current(engine, record.id)[1].running:
                found[record.id] = _member(record.name, endpoint_id(record.id, network.id), NetworkState())
        return dict(sorted(found.items()))
    for endpoint in engine.store.networks.of_network(network.id):
        try:
            brief, now = current(engine, endpoint.container)
        except NoSuchContainer:
            continue
        if now.running and endpoint.place.ip:
            found[brief.id] = _member(brief.name, endpoint_id(brief.id, network.id), endpoint.place)
    return dict(sorted(found.items()))


def _member(name: str, endpoint: str, place: NetworkState) -> dict[str, str]:
    return {
        "Name": name,
        "EndpointID": endpoint,
        "MacAddress": place.mac,
        "IPv4Address": f"{place.ip}/{place.prefix}" if place.ip else "",
        "IPv6Address": f"{place.ip6}/{place.prefix6}" if place.ip6 else "",
    }


def endpoint_id(container: str, network: str) -> str:
    """The id of a container's part in a network: always the same, for there is no more to it than those two."""
    return sha256_hex(f"{container} {network}".encode())


def container_endpoints(engine: Engine, record: ContainerRecord, *, running: bool, started: bool) -> dict[str, Any]:
    """docker's `NetworkSettings.Networks` of a container.

    Args:
        engine: whose store.
        record: the container.
        running: whether it runs.
        started: whether it ever did.
    """
    mode = record.host.network_mode
    for network in PREDEFINED[1:]:
        if mode == network.name:
            id = endpoint_id(record.id, network.id) if running else ""
            return {mode: _endpoint(None, None, network.id if started else "", id, NetworkState())}
    found = {}
    for endpoint in engine.store.networks.of_container(record.id):
        try:
            network = engine.store.networks.get(endpoint.network)
        except NotFound:  # removed meanwhile
            network = Network(endpoint.network, mode)
        place = endpoint.place if running else NetworkState()
        settings = endpoint.settings
        aliases: list[str] | None = list(settings.aliases) or ([] if settings.connected else None)
        if started and not network.predefined:
            aliases = list(dns_aliases(record, network, settings))
        found[network.name] = _endpoint(
            settings,
            aliases,
            network.id if started else "",
            endpoint_id(record.id, network.id) if place.ip else "",
            place,
        )
    return dict(sorted(found.items()))


def _endpoint(
    settings: EndpointSettings | None, aliases: list[str] | None, network: str, endpoint: str, place: NetworkState
) -> dict[str, Any]:
    connected = settings is not None and settings.connected
    wanted: dict[str, Any] = {}
    if settings is not None:
        wanted = {
            "IPv4Address": settings.ip,
            "IPv6Address": settings.ip6,
            "LinkLocalIPs": list(settings.link_local_ips),
        }
    ipam = {key: value for key, value in wanted.items() if value}
    options = settings.driver_options if settings is not None else {}
    return {
        "IPAMConfig": ipam if ipam or connected else None,
        "Links": list(settings.links) or None if settings is not None else None,
        "Aliases": aliases,
        "NetworkID": network,
        "EndpointID": endpoint,
        "Gateway": place.gateway,
        "IPAddress": place.ip,
        "IPPrefixLen": place.prefix,
        "IPv6Gateway": place.gateway6,
        "GlobalIPv6Address": place.ip6,
        "GlobalIPv6PrefixLen": place.prefix6,
        "MacAddress": place.mac,
        "DriverOpts": options if options or connected else None,
    }
