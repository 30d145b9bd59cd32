"""What is asked of a network, and from a network's record to what it is in the kernel."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network

import msgspec

from pallet.network.leases import Plan
from pallet.network.pools import check_free, choose_subnet
from pallet.store.networks import Network


class Wanted(msgspec.Struct, frozen=True):
    """A container's part in a network, as it is asked for.

    Attributes:
        network: the network.
        names: how others there call the container, the most telling one first.
        ip: the address it has to get; empty for any free one.
        mac: the hardware address it has to get; empty for docker's own.
        ip6: the IPv6 address it has to get; empty for any free one.
        link_local_ips: more addresses for its link.
    """

    network: Network
    names: tuple[str, ...] = ()
    ip: str = ""
    mac: str = ""
    ip6: str = ""
    link_local_ips: tuple[str, ...] = ()


def plan_of(network: Network, active: list[str], avoid: Sequence[str]) -> Plan:
    """What has to be made of a network.

    Args:
        network: its record.
        active: the subnets that are in use in this network namespace.
        avoid: subnets that one chosen now must not meet either.

    Raises:
        Forbidden: another network uses its subnet.
        HostError: no subnet is free.
    """
    subnet, gateway = network.subnet, network.gateway
    if subnet:
        check_free(subnet, active)
    else:
        subnet = choose_subnet((*active, *avoid))
        gateway = subnet.partition("/")[0][:-1] + "1"
    six = network.pool6 if network.ipv6 else None
    if six is not None:
        check_free(six.subnet, active)
    mtu = network.options.get("com.docker.network.driver.mtu", "")
    reserved = (*network.aux_addresses.values(), *(six.aux_addresses.values() if six else ()))
    return Plan(
        id=network.id,
        name=network.name,
        link=network.link,
        subnet=subnet,
        gateway=gateway,
        ip_range=network.ip_range,
        reserved=reserved,
        internal=network.internal,
        mtu=int(mtu) if mtu.isdigit() else 0,
        dns=not network.predefined,
        subnet6=str(ip_network(six.subnet, strict=False)) if six else "",
        gateway6=six.gateway if six else "",
        ip_range6=six.ip_range if six else "",
        apart=not network.switch("com.docker.network.bridge.enable_icc", True),
        unmasked=not network.switch("com.docker.network.bridge.enable_ip_masquerade", True),
    )
