"""`docker network create`.

Source: docker engine API 1.41, NetworkCreate; the error texts are docker 20.10's.
"""

from __future__ import annotations

import os
from ipaddress import IPv4Network

import msgspec

from pallet.engine import Engine
from pallet.errors import Conflict, Forbidden, NotFound, Unsupported
from pallet.network.bridges import bridges_of
from pallet.network.pools import choose_subnet
from pallet.ops.container_networks import other_subnets
from pallet.ops.network_checks import PoolOptions, check_driver_options, check_pool
from pallet.ops.record_event import network_event
from pallet.ops.times import now_ns
from pallet.store.networks import BRIDGE_ID, PREDEFINED, Network

__all__ = ["NetworkOptions", "PoolOptions", "bridge_pool", "create_network"]


class NetworkOptions(msgspec.Struct, frozen=True):
    """What the user asks for.

    Attributes:
        name: the new network's name.
        driver: only `bridge` can be made.
        pools: at most one of IPv4, chosen if there is none, and one of IPv6.
        internal: no way out.
        attachable: docker's flag for swarms; recorded only.
        ipv6: whether containers get IPv6 addresses.
        options: of the driver: the bridge's name, the MTU, ...; unknown ones are recorded only.
        labels: labels.
        ipam_options: recorded only.
        config_only: only to lend its settings to other networks.
        config_from: the name of a network that lends its settings; there may be none of its own then.
    """

    name: str
    driver: str = "bridge"
    pools: tuple[PoolOptions, ...] = ()
    internal: bool = False
    attachable: bool = False
    ipv6: bool = False
    options: dict[str, str] = {}
    labels: dict[str, str] = {}
    ipam_options: dict[str, str] = {}
    config_only: bool = False
    config_from: str = ""


def create_network(engine: Engine, options: NetworkOptions) -> Network:
    """Create a network; its bridge is made when the first container comes.

    Raises:
        Conflict: the name is taken.
        Forbidden: the name or the driver is docker's own, or the subnet is in use.
        InvalidInput: an address that makes no sense.
        NotFound: an unknown driver, or no network that lends its settings.
        Unsupported: docker's drivers other than `bridge`.
        HostError: no subnet is free.
    """
    name = options.name
    if any(name == network.name for network in PREDEFINED) or name == "default":
        raise Forbidden(f"operation is not permitted on predefined {name} network")
    if not name or any(name == network.name for network in engine.store.networks.all()):
        raise Conflict(f"network with name {name} already exists")
    if options.config_only:
        return _create_configuration(engine, options)
    _check_driver(options.driver)
    lender = _lender(engine, options) if options.config_from else None
    if lender is not None:
        options = msgspec.structs.replace(
            options,
            pools=_lent(lender),
            ipv6=lender.ipv6,
            options=lender.options,
            labels=lender.labels,
            ipam_options=lender.ipam_options,
        )
    check_driver_options(engine, options.options)
    # The lock keeps two from choosing the same subnet; it is the store's own, since networks of other stores may be
    # told of only while they have containers.
    with engine.store.db.transaction():
        taken = [*other_subnets(engine), *bridges_of(engine.settings.run_dir).subnets_in_use()]
        network = _with_pools(_bare(options, "bridge"), options, taken)
        if not network.subnet:
            subnet = _next_subnet(engine, taken)
            network = msgspec.structs.replace(network, subnet=subnet, gateway=str(IPv4Network(subnet)[1]))
        if network.ipv6 and network.pool6 is None:
            raise Unsupported(
                "could not find an available, non-overlapping IPv6 address pool among the defaults to assign to the"
                " network"
            )
        if len(options.pools) > 1 + any(":" in pool.subnet for pool in options.pools):
            raise Forbidden("bridge driver doesn't support multiple subnets")
        engine.store.networks.add(network)
        network_event(engine, network, "create")
    return network


def _bare(options: NetworkOptions, driver: str) -> Network:
    return Network(
        id=os.urandom(32).hex(),
        name=options.name,
        created=now_ns(),
        driver=driver,
        internal=options.internal,
        attachable=options.attachable,
        options=options.options,
        labels=options.labels,
        ipam_options=options.ipam_options,
        ipv6=options.ipv6,
        config_only=options.config_only,
        config_from=options.config_from,
    )


def _with_pools(network: Network, options: NetworkOptions, taken: list[str]) -> Network:
    """The network with the user's addresses; `taken` are subnets that they must not meet."""
    four = [check_pool(pool, taken) for pool in options.pools if ":" not in pool.subnet]
    six = [check_pool(pool, taken) for pool in options.pools if ":" in pool.subnet]
    if max(len(four), len(six)) > 1:
        raise Forbidden("bridge driver doesn't support multiple subnets")
    if four:
        pool = four[0]
        network = msgspec.structs.replace(
            network,
            subnet=pool.subnet,
            gateway=pool.gateway,
            ip_range=pool.ip_range,
            aux_addresses=pool.aux_addresses,
            chosen=False,
            own_gateway=pool.own_gateway,
            written=pool.written,
        )
    return msgspec.structs.replace(network, pool6=six[0]) if six else network


def _create_configuration(engine: Engine, options: NetworkOptions) -> Network:
    if options.config_from:
        raise Forbidden("a configuration network cannot depend on another configuration network")
    if options.internal or options.attachable:
        raise Forbidden(
            "configuration network can only contain network specific fields. Network operator fields like"
            " [ ingress | internal | attachable | scope ] are not supported."
        )
    network = _with_pools(_bare(options, "null"), options, [])
    with engine.store.db.transaction():
        engine.store.networks.add(network)
        network_event(engine, network, "create")
    return network


def _lender(engine: Engine, options: NetworkOptions) -> Network:
    try:
        lender = engine.store.networks.find(options.config_from)
    except NotFound:
        lender = None
    if lender is None or not lender.config_only:
        raise NotFound(f'configuration network "{options.config_from}" does not exist')
    if options.options:
        raise Forbidden("network driver options are not supported if the network depends on a configuration network")
    if options.pools or options.ipv6 or options.labels or options.ipam_options:
        raise Forbidden(
            "user specified configurations are not supported if the network depends on a configuration network"
        )
    return lender


def _lent(lender: Network) -> tuple[PoolOptions, ...]:
    pools = []
    if lender.subnet:
        gateway = lender.gateway if lender.own_gateway else ""
        pools.append(PoolOptions(lender.written or lender.subnet, gateway, lender.ip_range, lender.aux_addresses))
    six = lender.pool6
    if six is not None:
        gateway = six.gateway if six.own_gateway else ""
        pools.append(PoolOptions(six.written or six.subnet, gateway, six.ip_range, six.aux_addresses))
    return tuple(pools)


def _check_driver(driver: str) -> None:
    if driver in ("host", "null"):
        raise Forbidden(f'only one instance of "{driver}" network is allowed')
    if driver in ("macvlan", "ipvlan"):
        raise Unsupported(f"the {driver} driver is not supported: containers are connected by bridges")
    if driver == "overlay":
        raise Unsupported("the overlay driver needs a swarm, which is not supported")
    if driver != "bridge":
        raise NotFound(f'plugin "{driver}" not found')


def bridge_pool(engine: Engine) -> tuple[str, str]:
    """The subnet and the gateway that the default bridge has, or would get if its first container came now."""
    bridges = bridges_of(engine.settings.run_dir)
    plan = bridges.active_plan(BRIDGE_ID)
    if plan is not None:
        return plan.subnet, plan.gateway
    subnet = choose_subnet([*other_subnets(engine), *bridges.subnets_in_use()])
    return subnet, str(IPv4Network(subnet)[1])


def _next_subnet(engine: Engine, taken: list[str]) -> str:
    """A subnet for a new network; the default bridge, which may have no containers now, keeps the first one."""
    if bridges_of(engine.settings.run_dir).active_plan(BRIDGE_ID) is None:
        taken = [*taken, choose_subnet(taken)]
    return choose_subnet(taken)
