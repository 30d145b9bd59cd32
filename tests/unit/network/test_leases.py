"""Addresses on bridges."""

from __future__ import annotations

import pytest

from pallet.errors import Conflict, HostError
from pallet.network.leases import Book, Lease, Leases, Plan
from pallet.network.netavark import mac_of


def _plan(subnet: str = "172.20.0.0/16", **more: object) -> Plan:
    return Plan("1" * 64, "net", "br-1", subnet, subnet.rpartition(".")[0] + ".1", **more)  # type: ignore[arg-type]


def test_the_lowest_free_address_is_next() -> None:
    leases = Leases(_plan())
    assert leases.plan.prefix == 16
    assert leases.address() == "172.20.0.2"
    leases = leases.with_lease("a", Lease("172.20.0.2", 1, 1)).with_lease("b", Lease("172.20.0.3", 1, 1))
    assert leases.address() == "172.20.0.4"
    assert leases.without("a").address() == "172.20.0.2"


def test_a_full_subnet_is_told() -> None:
    leases = Leases(_plan("10.0.0.0/30"))
    leases = leases.with_lease("a", Lease(leases.address(), 1, 1))
    with pytest.raises(HostError, match="no available IPv4 addresses on this network's address pools: net"):
        leases.address()


def test_ranges_and_reserved_addresses() -> None:
    leases = Leases(_plan("10.0.0.0/24", ip_range="10.0.0.128/30", reserved=("10.0.0.129",)))
    assert leases.address() == "10.0.0.128"
    leases = leases.with_lease("a", Lease("10.0.0.128", 1, 1))
    assert leases.address() == "10.0.0.130"


def test_a_range_as_large_as_the_subnet_has_neither_its_first_nor_its_last_address() -> None:
    leases = Leases(_plan("10.0.0.0/30", ip_range="10.0.0.0/30", reserved=("10.0.0.2",)))
    with pytest.raises(HostError):
        leases.address()


def test_an_address_of_the_users() -> None:
    leases = Leases(_plan("10.0.0.0/24", reserved=("10.0.0.9",))).with_lease("a", Lease("10.0.0.7", 1, 1))
    assert leases.address("10.0.0.77") == "10.0.0.77"
    for taken in ("10.0.0.1", "10.0.0.7", "10.0.0.9"):
        with pytest.raises(Conflict, match=r"^Address already in use$"):
            leases.address(taken)
    with pytest.raises(HostError, match=r"^Invalid address 10.1.0.7: It does not belong to any of"):
        leases.address("10.1.0.7")


def test_a_network_without_leases_leaves_the_book() -> None:
    leases = Leases(_plan()).with_lease("a", Lease("172.20.0.2", 1, 1))
    book = Book().with_leases(leases)
    assert book.of("a") == ["1" * 64]
    assert book.with_leases(leases.without("a")).networks == {}


def test_hardware_address() -> None:
    assert mac_of("172.17.0.2") == "02:42:ac:11:00:02"


def test_addresses_of_ipv6() -> None:
    assert Leases(_plan()).address6("fd00:1::9") == ""
    leases = Leases(_plan(subnet6="fd00:1::/64", gateway6="fd00:1::1", reserved=("fd00:1::2",)))
    assert leases.plan.prefix6 == 64
    assert leases.address6() == "fd00:1::3"
    assert leases.address6("fd00:1:0::77") == "fd00:1::77"
    with pytest.raises(Conflict, match=r"^Address already in use$"):
        leases.address6("fd00:1::1")
    with pytest.raises(HostError, match=r"^Invalid address fd00:2::1: It does not belong"):
        leases.address6("fd00:2::1")
