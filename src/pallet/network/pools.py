"""Subnets for networks whose user names none.

Source: docker's default address pools (libnetwork, ipamutils), which the `docker network create` documentation names.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, ip_network

from pallet.errors import Forbidden, HostError
from pallet.network.leases import Book

_POOL = (
    *(f"172.{number}.0.0/16" for number in range(17, 32)),
    *(f"192.168.{number}.0/20" for number in range(0, 256, 16)),
)


def choose_subnet(avoid: Iterable[str]) -> str:
    """A subnet that no route of this machine meets.

    Args:
        avoid: other subnets that it must not meet.

    Raises:
        HostError: there is none in the pool.
    """
    used = [*_routes(), *(IPv4Network(text) for text in avoid if ":" not in text)]
    for text in _POOL:
        if not any(IPv4Network(text).overlaps(other) for other in used):
            return text
    raise HostError(
        "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network"
    )


def check_free(subnet: str, avoid: Iterable[str]) -> None:
    """Check that a subnet which the user names is nobody else's.

    Raises:
        Forbidden: it meets another one; docker's text.
    """
    wanted = ip_network(subnet)
    others = (ip_network(other) for other in avoid)
    if any(wanted.version == other.version and wanted.overlaps(other) for other in others):
        raise Forbidden("Pool overlaps with other one on this address space")


def active_subnets(book: Book) -> list[str]:
    """The subnets of all networks that have containers, of IPv4 and IPv6."""
    plans = [each.plan for each in book.networks.values()]
    return [subnet for plan in plans for subnet in (plan.subnet, plan.subnet6) if subnet]


def _routes() -> Iterable[IPv4Network]:
    with open("/proc/net/route") as lines:
        next(lines, None)
        for line in lines:
            fields = line.split()
            address, mask = (int.from_bytes(bytes.fromhex(fields[column]), "little") for column in (1, 7))
            if mask:  # not the default route
                yield IPv4Network((address & mask, str(IPv4Address(mask))))
