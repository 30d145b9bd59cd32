"""Who has which address on the bridges of this machine.

Bridges, their addresses and their firewall rules belong to a network namespace of the kernel, not to a store: several
stores share them, and a reboot ends them. So the leases are kept per network namespace, in a directory that a reboot
empties, under one lock (`bookfile`). Only networks with containers are in the book.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import msgspec

from pallet.errors import Conflict, HostError
from pallet.store.container_record import PortBinding


class Plan(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a network is in the kernel: enough to make it and to take it away, whichever store it comes from.

    Attributes:
        id: the network's id.
        name: its name, for error texts.
        link: the bridge's name.
        subnet: such as `172.18.0.0/16`.
        gateway: the bridge's own address.
        ip_range: the part of the subnet that containers get addresses from; empty for all of it.
        reserved: addresses that no container gets.
        internal: whether there is no way out.
        mtu: bytes; 0 for the kernel's own.
        dns: whether the containers' names are resolved.
        subnet6, gateway6, ip_range6: the same in IPv6; empty without it.
        apart: whether its containers are kept from each other.
        unmasked: whether its containers go out with their own addresses.
    """

    id: str
    name: str
    link: str
    subnet: str
    gateway: str
    ip_range: str = ""
    reserved: tuple[str, ...] = ()
    internal: bool = False
    mtu: int = 0
    dns: bool = False
    subnet6: str = ""
    gateway6: str = ""
    ip_range6: str = ""
    apart: bool = False
    unmasked: bool = False

    @property
    def key(self) -> str:
        """What netavark and aardvark-dns call it: names may be in use by several stores, ids are not."""
        return self.id if self.dns else self.name

    @property
    def prefix(self) -> int:
        """The length of the subnet's prefix."""
        return IPv4Network(self.subnet).prefixlen

    @property
    def prefix6(self) -> int:
        """The length of the IPv6 subnet's prefix; 0 without one."""
        return IPv6Network(self.subnet6).prefixlen if self.subnet6 else 0


class Lease(msgspec.Struct, frozen=True, omit_defaults=True):
    """One container in one network.

    Attributes:
        ip: its address.
        holder: a process that lives as long as the lease is needed: who starts the container, then the container.
        holder_start: that process's start time.
        ports: what it publishes, with the host ports as chosen.
        link: the network link's name in the container.
        names: how others in the network call it.
        mac: its hardware address; empty for docker's own.
        whole: whether netavark has done its part.
        ip6: its IPv6 address; empty if the network has none.
        relay: the process that passes IPv6 connections on to its ports, and that one's start time; zeros if none does.
        relayed: whether that process passes on all there is, so that no port needs a rule.
    """

    ip: str
    holder: int
    holder_start: int
    ports: tuple[PortBinding, ...] = ()
    link: str = "eth0"
    names: tuple[str, ...] = ()
    mac: str = ""
    whole: bool = False
    ip6: str = ""
    relay: tuple[int, int] = (0, 0)
    relayed: bool = False


class Leases(msgspec.Struct, frozen=True):
    """All leases of one network.

    Attributes:
        plan: the network.
        leases: by container id.
    """

    plan: Plan
    leases: dict[str, Lease] = {}

    def with_lease(self, id: str, lease: Lease) -> Leases:
        """These leases with one more, or a changed one."""
        return Leases(self.plan, {**self.leases, id: lease})

    def without(self, id: str) -> Leases:
        """These leases without one."""
        return Leases(self.plan, {key: lease for key, lease in self.leases.items() if key != id})

    def address(self, wanted: str = "") -> str:
        """An address for a new lease.

        Args:
            wanted: the one it has to be; empty for the lowest that nobody has.

        Raises:
            Conflict, HostError: it cannot be had, in docker's words.
        """
        plan = self.plan
        taken = {plan.gateway, *plan.reserved, *(lease.ip for lease in self.leases.values())}
        return self._free(plan.subnet, plan.ip_range, taken, wanted)

    def address6(self, wanted: str = "") -> str:
        """An IPv6 address for a new lease, as `address`; empty if the network has none."""
        plan = self.plan
        if not plan.subnet6:
            return ""
        taken = {plan.gateway6, *plan.reserved, *(lease.ip6 for lease in self.leases.values())}
        return self._free(plan.subnet6, plan.ip_range6, taken, wanted)

    def _free(self, subnet: str, ip_range: str, taken: set[str], wanted: str) -> str:
        network = ip_network(subnet)
        if wanted:
            address = ip_address(wanted)
            if address not in network:
                raise HostError(f"Invalid address {address}: It does not belong to any of this network's subnets")
            if str(address) in taken:
                raise Conflict("Address already in use")
            return str(address)
        for number in _numbers(network, ip_range):
            text = str(network[number])
            if text not in taken:
                return text
        pools = f"no available IPv{network.version} addresses on this network's address pools"
        raise HostError(f"{pools}: {self.plan.name} ({self.plan.id})")


class Book(msgspec.Struct, frozen=True):
    """The leases of all networks.

    Attributes:
        networks: by network id; none without leases.
        guarded: whether there are rules that keep networks apart.
        guarded6: the same for IPv6.
    """

    networks: dict[str, Leases] = {}
    guarded: bool = False
    guarded6: bool = False

    def with_leases(self, leases: Leases) -> Book:
        """This book with one network's leases changed; a network without any goes."""
        id = leases.plan.id
        rest = {key: each for key, each in self.networks.items() if key != id or leases.leases}
        networks = {**rest, id: leases} if leases.leases else rest
        return msgspec.structs.replace(self, networks=networks)

    def of(self, container: str) -> list[str]:
        """The ids of the networks in which a container has a lease."""
        return [id for id, each in self.networks.items() if container in each.leases]

    def taken_ports(self) -> set[tuple[str, str, str]]:
        """Protocol, host address and port of everything that containers publish."""
        return {
            (port.container.partition("/")[2], port.host_ip, port.host_port)
            for each in self.networks.values()
            for lease in each.leases.values()
            for port in lease.ports
        }


def _numbers(network: IPv4Network | IPv6Network, ip_range: str) -> Iterable[int]:
    """The hosts of a subnet, or of a part of it, as distances from the subnet's address."""
    last = network.num_addresses - 2
    if not ip_range:
        return range(1, last + 1)
    part = ip_network(ip_range, strict=False)
    first = int(part.network_address) - int(network.network_address)
    return range(max(first, 1), min(first + part.num_addresses - 1, last) + 1)
