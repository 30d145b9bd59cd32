"""`docker network connect` and `disconnect`, of containers that run and of those that do not."""

from __future__ import annotations

import msgspec

from pallet.engine import Engine
from pallet.errors import Conflict, Forbidden, InvalidInput, NotFound
from pallet.host.locks import lock
from pallet.network.bridges import bridges_of
from pallet.ops.container_etc import add_host, network_links, own_entry, remove_host, write_resolv_conf
from pallet.ops.container_networks import joined_networks, other_subnets, wanted_place
from pallet.ops.container_state import current
from pallet.ops.record_event import network_event
from pallet.runtime.paths import ContainerPaths
from pallet.store.container_record import ContainerRecord, EndpointSettings, NetworkState
from pallet.store.networks import Endpoint, Network

_HOST = "container cannot be disconnected from host network or connected to host network"
_NONE = "container cannot be connected to multiple networks with one of the networks in private (none) mode"
_SHARED = "container sharing network namespace with another container or host cannot be connected to any other network"


def connect_network(engine: Engine, name: str, container: str, settings: EndpointSettings) -> None:
    """Make a container a part of one more network; if it runs, at once.

    Args:
        engine: whose store.
        name: the network's name, id or id prefix.
        container: the container's name, id or id prefix.
        settings: how it wants to be there.

    Raises:
        NoSuchContainer, NotFound: there is no such container or network.
        Forbidden, Conflict, InvalidInput: it cannot be done, with docker's text.
        HostError: netavark failed.
    """
    record = engine.store.containers.find(container)
    network = engine.store.networks.find(name)
    _check(record, network, settings)
    with lock(ContainerPaths(engine.settings, record.id).lock):
        brief, now = current(engine, record.id)
        before = {each.network: each for each in engine.store.networks.of_container(record.id)}
        if network.id in before:
            if now.running:
                raise Forbidden(f"endpoint with name {record.name} already exists in network {network.name}")
            return
        place = NetworkState()
        if now.running:
            used = {each.place.link for each in before.values() if each.place.ip}
            free = (each for each in range(len(used) + 1) if not any(link.endswith(str(each)) for link in used))
            number = next(free)
            wanted = wanted_place(record, network, settings)
            process = (brief.pid, brief.pid_start)
            bridges = bridges_of(engine.settings.run_dir)
            place = bridges.join(record.id, process, wanted, number, other_subnets(engine))
        with engine.store.db.transaction():
            engine.store.networks.join(record.id, network.id, settings)
            if place.ip:
                engine.store.networks.set_place(record.id, network.id, place)
                network_event(engine, network, "connect", record.id)
        if place.ip:
            paths = ContainerPaths(engine.settings, record.id)
            for address in filter(None, (place.ip, place.ip6)):
                add_host(paths, own_entry(record, address))
            for entry in network_links(engine, network.id, settings):
                add_host(paths, entry)
            _update_resolver(engine, record, paths)


def disconnect_network(engine: Engine, name: str, container: str) -> None:
    """Take a container out of a network; if it runs, at once.

    Args:
        engine: whose store.
        name: the network's name, id or id prefix.
        container: the container's name, id or id prefix.

    Raises:
        NoSuchContainer, NotFound: there is no such container or network.
        Conflict, Forbidden: it is not in it, or cannot leave it, with docker's text.
    """
    record = engine.store.containers.find(container)
    with lock(ContainerPaths(engine.settings, record.id).lock):
        brief, now = current(engine, record.id)
        text = f"container {record.id} is not connected to {'' if now.running else 'the '}network "
        try:
            network = engine.store.networks.find(name)
        except NotFound:
            if now.running:
                raise
            raise Forbidden(text + name) from None
        found = [each for each in engine.store.networks.of_container(record.id) if each.network == network.id]
        if not found:
            if network.driver != "bridge" and record.host.network_mode == network.name:
                if now.running and network.driver == "host":
                    raise Forbidden(_HOST)
                return  # it has no link there that could go
            raise Conflict(text + network.name)
        if now.running:
            bridges_of(engine.settings.run_dir).leave(record.id, brief.pid, network.id)
        _record_leaving(engine, record, network, found[0], running=now.running)
        if now.running and found[0].place.ip:
            paths = ContainerPaths(engine.settings, record.id)
            for address in filter(None, (found[0].place.ip, found[0].place.ip6)):
                remove_host(paths, address)
            _update_resolver(engine, record, paths)


def _record_leaving(
    engine: Engine, record: ContainerRecord, network: Network, endpoint: Endpoint, *, running: bool
) -> None:
    with engine.store.db.transaction():
        engine.store.networks.leave(record.id, network.id)
        network_event(engine, network, "disconnect", record.id)
        if not running:
            return
        state = engine.store.containers.state(record.id)
        if state.network.ip == endpoint.place.ip:  # what it published there is closed
            gone = msgspec.structs.replace(state, network=NetworkState())
            engine.store.containers.set_state(record.id, gone)


def check_address(network: Network, settings: EndpointSettings) -> None:
    """Check that a network lets its containers choose an address, if this one does.

    Raises:
        Conflict: docker's text.
    """
    if network.config_only:
        raise Forbidden("cannot create endpoint on configuration-only network")
    for text in settings.link_local_ips:
        if not is_address(text, 0):
            raise InvalidInput(f"Invalid link-local IP address: [{' '.join(settings.link_local_ips)}]")
    if not settings.ip and not settings.ip6:
        return
    if network.predefined:
        raise Conflict("user specified IP address is supported on user defined networks only")
    if (settings.ip and network.chosen) or (settings.ip6 and network.pool6 is None):
        raise Conflict(
            "user specified IP address is supported only when connecting to networks with user configured subnets"
        )


def is_address(text: str, version: int) -> bool:
    """Whether a text is an address of this version of IP; any version if 0."""
    from ipaddress import ip_address

    try:
        return ip_address(text).version == (version or ip_address(text).version)
    except ValueError:
        return False


def _check(record: ContainerRecord, network: Network, settings: EndpointSettings) -> None:
    mode = record.host.network_mode
    if network.driver == "host":
        raise Forbidden(_HOST)
    if network.driver == "null" or mode == "none":
        raise Forbidden(_NONE)
    if mode == "host" or mode.startswith("container:"):
        raise Forbidden(_SHARED)
    if settings.aliases and network.predefined:
        raise InvalidInput("network-scoped alias is supported only for containers in user defined networks")
    check_address(network, settings)
    for text, version in ((settings.ip, 4), (settings.ip6, 6)):
        if text and not is_address(text, version):
            raise InvalidInput(f"Invalid IPv{version} address: {text})")


def _update_resolver(engine: Engine, record: ContainerRecord, paths: ContainerPaths) -> None:
    places = [(network, endpoint.place) for network, endpoint in joined_networks(engine, record)]
    write_resolv_conf(record, paths, places)
