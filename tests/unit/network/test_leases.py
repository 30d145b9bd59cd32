"""Addresses on the bridge."""

from __future__ import annotations

import pytest

from pallet.errors import HostError
from pallet.network.bridge import mac_of
from pallet.network.leases import Lease, Leases


def test_the_lowest_free_address_is_next() -> None:
    leases = Leases("172.20.0.0/16")
    assert leases.gateway == "172.20.0.1"
    assert leases.prefix == 16
    assert leases.free_address() == "172.20.0.2"
    leases = leases.with_lease("a", Lease("172.20.0.2", 1, 1)).with_lease("b", Lease("172.20.0.3", 1, 1))
    assert leases.free_address() == "172.20.0.4"
    assert leases.without("a").free_address() == "172.20.0.2"


def test_a_full_subnet_is_told() -> None:
    leases = Leases("10.0.0.0/30")
    leases = leases.with_lease("a", Lease(leases.free_address(), 1, 1))
    with pytest.raises(HostError, match="no available IPv4 addresses"):
        leases.free_address()


def test_hardware_address() -> None:
    assert mac_of("172.17.0.2") == "02:42:ac:11:00:02"
