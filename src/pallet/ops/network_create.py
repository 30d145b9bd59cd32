"""`docker network create`.

Source: docker engine API 1.41, NetworkCreate; the error texts are docker 20.10's.
"""

from __future__ import annotations

import os
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError

import msgspec

from pallet.engine import Engine
from pallet.errors import Conflict, Forbidden, InvalidInput, NotFound, Unsupported
from pallet.host.idmap import in_user_namespace
from pallet.network.bridge import subnets_in_use
from pallet.network.pools import check_free, choose_subnet
from pallet.ops.record_event import network_event
from pallet.ops.times import now_ns
from pallet.store.networks import PREDEFINED, Network

_NAME = "com.docker.network.bridge.name"
_MTU = "com.docker.network.driver.mtu"
_LONGEST_LINK = 15  # IFNAMSIZ without its end


class NetworkOptions(msgspec.Struct, frozen=True):
    """What the user asks for.

    Attributes:
        name: the new network's name.
        driver: only `bridge` can be made.
        subnet: such as `10.1.0.0/24`; empty to have one chosen.
        gateway: the bridge's own address; empty for the subnet's first.
        ip_range: the part of the subnet that containers get addresses from; empty for all of it.
        aux_addresses: names and addresses that no container gets.
        internal: no way out.
        attachable: docker's flag for swarms; recorded only.
        ipv6: refused.
        options: of the driver: the bridge's name, the MTU; others are recorded only.
        labels: labels.
        ipam_options: recorded only.
    """

    name: str
    driver: str = "bridge"
    subnet: str = ""
    gateway: str = ""
    ip_range: str = ""
    aux_addresses: dict[str, str] = {}
    internal: bool = False
    attachable: bool = False
    ipv6: bool = False
    options: dict[str, str] = {}
    labels: dict[str, str] = {}
    ipam_options: dict[str, str] = {}


def create_network(engine: Engine, options: NetworkOptions) -> Network:
    """Create a network; its bridge is made when the first container comes.

    Raises:
        Conflict: the name is taken.
        Forbidden: the name or the driver is docker's own, or the subnet is in use.
        InvalidInput: an address that makes no sense.
        NotFound: an unknown driver.
        Unsupported: IPv6.
        HostError: no subnet is free.
    """
    if in_user_namespace():
        raise Unsupported("without privileges there are the networks bridge, host and none only")
    name = options.name
    if any(name == network.name for network in PREDEFINED) or name == "default":
        raise Forbidden(f"operation is not permitted on predefined {name} network")
    if not name or any(name == network.name for network in engine.store.networks.all()):
        raise Conflict(f"network with name {name} already exists")
    if options.driver in ("host", "null"):
        raise Forbidden(f'only one instance of "{options.driver}" network is allowed')
    if options.driver != "bridge":
        raise NotFound(f'plugin "{options.driver}" not found')
    if options.ipv6:
        if ":" in options.subnet:
            raise Unsupported("networks with IPv6 are not supported")
        raise Unsupported(
            "could not find an available, non-overlapping IPv6 address pool among the defaults to assign to the network"
        )
    _check_options(engine, options.options)
    # The lock keeps two from choosing the same subnet; it is the store's own, since networks of other stores may be
    # told of only while they have containers.
    with engine.store.db.transaction():
        taken = [network.subnet for network in engine.store.networks.all() if network.subnet]
        if options.subnet:
            subnet, gateway, ip_range = _checked(options)
            check_free(subnet, [*taken, *subnets_in_use()])
        else:
            subnet, ip_range = _next_subnet(taken), ""
            gateway = str(IPv4Network(subnet)[1])
        network = Network(
            id=os.urandom(32).hex(),
            name=name,
            created=now_ns(),
            subnet=subnet,
            gateway=gateway,
            ip_range=ip_range,
            aux_addresses=options.aux_addresses,
            chosen=not options.subnet,
            own_gateway=bool(options.gateway),
            internal=options.internal,
            attachable=options.attachable,
            options=options.options,
            labels=options.labels,
            ipam_options=options.ipam_options,
        )
        engine.store.networks.add(network)
        network_event(engine, network, "create")
    return network


def bridge_subnet(engine: Engine) -> str:
    """The subnet that the default bridge has, or would get if its first container came now."""
    from pallet.network.bridge import active_plan
    from pallet.store.networks import BRIDGE_ID

    plan = active_plan(BRIDGE_ID)
    if plan is not None:
        return plan.subnet
    taken = [network.subnet for network in engine.store.networks.all() if network.subnet]
    return choose_subnet([*taken, *subnets_in_use()])


def _next_subnet(taken: list[str]) -> str:
    """A subnet for a new network; the default bridge, which may have no containers now, keeps the first one."""
    from pallet.network.bridge import active_plan
    from pallet.store.networks import BRIDGE_ID

    avoid = [*taken, *subnets_in_use()]
    if active_plan(BRIDGE_ID) is None:
        avoid.append(choose_subnet(avoid))
    return choose_subnet(avoid)


def _checked(options: NetworkOptions) -> tuple[str, str, str]:
    """Subnet, gateway and range, in their usual forms."""
    if ":" in options.subnet:
        raise Unsupported("networks with IPv6 are not supported")
    try:
        subnet = IPv4Network(options.subnet, strict=False)
        if "/" not in options.subnet:
            raise ValueError
    except (AddressValueError, NetmaskValueError, ValueError):
        raise InvalidInput(f"Invalid subnet {options.subnet} : invalid CIDR address: {options.subnet}") from None
    if subnet.num_addresses < 4:
        raise InvalidInput("failed to allocate gateway (): No available addresses on this pool")
    ip_range = ""
    if options.ip_range:
        try:
            ip_range = str(IPv4Network(options.ip_range, strict=False))
        except ValueError:
            raise InvalidInput(f"invalid CIDR address: {options.ip_range}") from None
    if options.gateway:
        return str(subnet), _inside(options.gateway, subnet, "gateway"), ip_range
    first = IPv4Network(ip_range)[0] if ip_range else subnet[1]
    first = first if first != subnet[0] else subnet[1]
    for address in options.aux_addresses.values():
        _inside(address, subnet, "aux-address")
    while str(first) in options.aux_addresses.values():
        first += 1
    return str(subnet), str(first), ip_range


def _inside(text: str, subnet: IPv4Network, what: str) -> str:
    try:
        address = IPv4Address(text)
    except ValueError:
        raise InvalidInput(f"invalid {what} address: {text}") from None
    if address not in subnet:
        raise InvalidInput(f"no matching subnet for {what} {text}")
    return str(address)


def _check_options(engine: Engine, options: dict[str, str]) -> None:
    mtu = options.get(_MTU, "0")
    if not (mtu.isascii() and mtu.isdigit()):
        raise InvalidInput(f'failed to parse {_MTU} value: {mtu} (strconv.Atoi: parsing "{mtu}": invalid syntax)')
    link = options.get(_NAME, "")
    if len(link) > _LONGEST_LINK or "/" in link or any(char.isspace() for char in link):
        raise InvalidInput(f"invalid bridge name: {link}")
    if link and any(network.link == link for network in engine.store.networks.all()):
        raise Conflict(f"networks have same bridge name: {link}")
