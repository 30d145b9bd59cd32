"""Who has which address on the bridge of this machine.

A bridge, its addresses and its firewall rules belong to a network namespace of the kernel, not to a store: several
stores share them, and a reboot ends them. So the leases are kept per network namespace, in a directory that a reboot
empties, under one lock.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network

import msgspec

from pallet.errors import HostError
from pallet.host.files import unlink_if_there
from pallet.oci.codec import decode, encode
from pallet.store.container_record import PortBinding

DIRECTORY = "/run/pallet/network"
# docker's own default pool, then podman's network: the first that nothing on this machine uses yet.
_POOL = (*(f"172.{number}.0.0/16" for number in range(17, 32)), "10.88.0.0/16", "192.168.224.0/20")


class Lease(msgspec.Struct, frozen=True):
    """One container on the bridge.

    Attributes:
        ip: its address.
        holder: a process that lives as long as the lease is needed: who starts the container, then the container.
        holder_start: that process's start time.
        ports: what it publishes, with the host ports as chosen.
    """

    ip: str
    holder: int
    holder_start: int
    ports: tuple[PortBinding, ...] = ()


class Leases(msgspec.Struct, frozen=True):
    """All leases of one bridge.

    Attributes:
        subnet: the bridge's subnet; empty without a lease.
        leases: by container id.
    """

    subnet: str = ""
    leases: dict[str, Lease] = {}

    @property
    def gateway(self) -> str:
        """The bridge's own address: the subnet's first."""
        return str(IPv4Network(self.subnet)[1])

    @property
    def prefix(self) -> int:
        """The length of the subnet's prefix."""
        return IPv4Network(self.subnet).prefixlen

    def with_lease(self, id: str, lease: Lease) -> Leases:
        """These leases with one more, or a changed one."""
        return Leases(self.subnet, {**self.leases, id: lease})

    def without(self, id: str) -> Leases:
        """These leases without one."""
        return Leases(self.subnet, {key: lease for key, lease in self.leases.items() if key != id})

    def free_address(self) -> str:
        """The lowest address that nobody has.

        Raises:
            HostError: all are taken, in docker's words.
        """
        network = IPv4Network(self.subnet)
        taken = {lease.ip for lease in self.leases.values()}
        for number in range(2, network.num_addresses - 1):
            address = str(network[number])
            if address not in taken:
                return address
        raise HostError("failed to allocate IP: no available IPv4 addresses on this network's address pools: bridge")


def load() -> Leases:
    """The leases in this network namespace. The caller holds the lock."""
    try:
        with open(_path(), "rb") as file:
            return decode(file.read(), Leases, "the list of addresses")
    except FileNotFoundError:
        return Leases()


def save(leases: Leases) -> None:
    """Keep the leases; no file stays when there are none."""
    path = _path()
    if not leases.leases:
        unlink_if_there(path)
        return
    fresh = f"{path}.{os.getpid()}"
    with open(fresh, "wb") as file:  # a crash of the machine empties the directory anyhow: no fsync
        file.write(encode(leases))
    os.rename(fresh, path)


def choose_subnet() -> str:
    """A subnet that no route of this machine meets.

    Raises:
        HostError: there is none in the pool.
    """
    used = list(_routes())
    for text in _POOL:
        network = IPv4Network(text)
        if not any(network.overlaps(other) for other in used):
            return text
    raise HostError("could not find an available, non-overlapping IPv4 address pool among the defaults")


def _routes() -> Iterable[IPv4Network]:
    with open("/proc/net/route") as lines:
        next(lines, None)
        for line in lines:
            fields = line.split()
            address, mask = (int.from_bytes(bytes.fromhex(fields[column]), "little") for column in (1, 7))
            if mask:  # not the default route
                yield IPv4Network((address & mask, str(IPv4Address(mask))))


def _path() -> str:
    return f"{DIRECTORY}/{os.stat('/proc/thread-self/ns/net').st_ino}.json"
