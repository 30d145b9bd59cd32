"""A container's places in its networks when it starts; apart from the start, as a container may have no network."""

from __future__ import annotations

from pallet.engine import Engine
from pallet.errors import HostError
from pallet.network.bridges import bridges_of
from pallet.network.places import Places
from pallet.ops.container_networks import other_subnets, wanted_place
from pallet.ops.network_checks import HOST_BINDING
from pallet.ops.network_connect import check_address
from pallet.ops.record_event import network_event
from pallet.store.container_record import ContainerRecord, PortBinding
from pallet.store.networks import Endpoint, Network


def find_places(engine: Engine, record: ContainerRecord, networks: list[tuple[Network, Endpoint]]) -> Places:
    """Find a container free addresses and ports.

    Args:
        engine: whose networks.
        record: the container.
        networks: its networks, the main one first.

    Raises:
        HostError, Conflict, InvalidInput: there are none, in docker's words.
    """
    for network, endpoint in networks:
        check_address(network, endpoint.settings)
    ports = list(record.host.ports)
    if record.host.publish_all:
        published = {port.container for port in ports}
        ports += [PortBinding(port) for port in record.config.exposed_ports or () if port not in published]
    binding = networks[0][0].options.get(HOST_BINDING, "")
    if binding and binding != "0.0.0.0":
        ports = [PortBinding(port.container, port.host_ip or binding, port.host_port) for port in ports]
    # docker's order of each container port's bindings.
    ports.sort(key=lambda port: -int(port.host_port.partition("-")[0] or 0))
    try:
        wanted = [wanted_place(record, network, endpoint.settings) for network, endpoint in networks]
        return bridges_of(engine.settings.run_dir).connect(record.id, wanted, ports, other_subnets(engine))
    except HostError as error:
        if "port is already allocated" in error.message or "userland proxy" in error.message:
            network_event(engine, networks[0][0], "disconnect", record.id)  # docker's only word of its attempt
            text = f"driver failed programming external connectivity on endpoint {record.name} ({record.id})"
            raise HostError(f"{text}: {error.message}") from error
        raise
