"""The networks of a container: those it is made for, and what it finds there when it starts."""

from __future__ import annotations

from pallet.engine import Engine
from pallet.errors import NotFound
from pallet.ops.record_event import container_event, volume_event
from pallet.ops.times import now_ns
from pallet.store.container_record import ContainerRecord, EndpointSettings, NetworkState
from pallet.store.networks import BRIDGE_ID, Endpoint, Network
from pallet.store.volumes import Volume

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.network.plans import Wanted

_NOT_BRIDGED = ("host", "none")


def is_bridged(network_mode: str) -> bool:
    """Whether a network mode names a bridge network: the default one or one of the user's."""
    return network_mode not in _NOT_BRIDGED and not network_mode.startswith("container:")


def record_creation(
    engine: Engine,
    record: ContainerRecord,
    *,
    aliases: tuple[str, ...] = (),
    ip: str = "",
    mac: str = "",
    ip6: str = "",
    link_local_ips: tuple[str, ...] = (),
    links: tuple[str, ...] = (),
    driver_options: dict[str, str] | None = None,
) -> None:
    """Record what comes with a new container: its part in its network, its volumes, the events.

    Belongs into the transaction that adds the container.

    Args:
        engine: whose store.
        record: the container.
        aliases: more names for it in a network of the user's.
        ip: the address it has to get there.
        mac: the hardware address it has to get.
        ip6: the IPv6 address it has to get.
        link_local_ips: more addresses for its link.
        links: `name:alias` of containers that it calls by another name there.
        driver_options: for the network's driver.
    """
    for mount in record.host.mounts:
        if mount.type == "volume":
            engine.store.volumes.add(Volume(mount.name, now_ns(), None, None))
            volume_event(engine, mount.name, "create")
    mode = record.host.network_mode
    if is_bridged(mode):
        try:
            id = engine.store.networks.find(mode).id if mode != "default" else BRIDGE_ID
        except NotFound:  # there may be one when it starts
            id = mode
        settings = EndpointSettings(
            aliases=aliases,
            ip=ip,
            mac=mac,
            ip6=ip6,
            link_local_ips=link_local_ips,
            links=links,
            driver_options=driver_options or {},
        )
        engine.store.networks.join(record.id, id, settings)
    container_event(engine, record, "create")


def joined_networks(engine: Engine, record: ContainerRecord) -> list[tuple[Network, Endpoint]]:
    """The networks that a container has a place in when it runs, the one of its mode first.

    Raises:
        NotFound: one of them is gone; docker's text.
    """
    found = []
    for each in engine.store.networks.of_container(record.id):
        network = engine.store.networks.find(each.network)
        if network.id != each.network:  # it was made after the container
            with engine.store.db.transaction():
                engine.store.networks.leave(record.id, each.network)
                engine.store.networks.join(record.id, network.id, each.settings)
        found.append((network, each))
    mode = record.host.network_mode
    main = (BRIDGE_ID, "bridge") if mode == "default" else (mode,)
    return sorted(found, key=lambda pair: pair[0].id not in main and pair[0].name not in main)


def wanted_place(record: ContainerRecord, network: Network, settings: EndpointSettings) -> Wanted:
    """What a container asks of a network."""
    from pallet.network.plans import Wanted

    names = dict.fromkeys((record.name, *dns_aliases(record, network, settings)))
    return Wanted(network, tuple(names), settings.ip, settings.mac, settings.ip6, settings.link_local_ips)


def dns_aliases(record: ContainerRecord, network: Network, settings: EndpointSettings) -> tuple[str, ...]:
    """The names of a container in a network beyond its own: docker's `Aliases`."""
    if network.predefined:
        return ()
    aliases = [*settings.aliases, record.id[:12], record.config.hostname]
    return tuple(name for name in dict.fromkeys(aliases) if name)


def other_subnets(engine: Engine) -> list[str]:
    """The subnets of the networks that users of this store have made."""
    found = []
    for network in engine.store.networks.all():
        if not network.config_only:
            found += [network.subnet, network.pool6.subnet if network.pool6 else ""]
    return [subnet for subnet in found if subnet]


def clear_places(engine: Engine, container: str) -> list[Network]:
    """Forget where a container was; the networks in which it had a place.

    Belongs into the transaction that records its end.
    """
    left = []
    for endpoint in engine.store.networks.of_container(container):
        if endpoint.place.ip:
            engine.store.networks.set_place(container, endpoint.network, NetworkState())
            known = [network for network in engine.store.networks.all() if network.id == endpoint.network]
            left += known or [Network(endpoint.network, endpoint.network)]
    return left
