"""Subnets."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from pallet.errors import Forbidden, HostError
from pallet.network.pools import check_free, choose_subnet


def test_a_chosen_subnet_meets_none_that_is_in_use() -> None:
    first = choose_subnet([])
    second = choose_subnet([first])
    assert not IPv4Network(first).overlaps(IPv4Network(second))
    inside = str(next(IPv4Network(second).subnets(new_prefix=28)))
    assert choose_subnet([first, inside]) not in (first, second)


def test_the_pool_has_an_end() -> None:
    with pytest.raises(HostError, match="non-overlapping IPv4 address pool"):
        choose_subnet(["172.16.0.0/12", "192.168.0.0/16"])


def test_a_subnet_of_the_users_may_not_overlap() -> None:
    check_free("10.1.0.0/24", ["10.2.0.0/24"])
    with pytest.raises(Forbidden, match=r"^Pool overlaps with other one on this address space$"):
        check_free("10.1.0.0/24", ["10.1.0.128/25"])
