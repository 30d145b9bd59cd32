"""Rules between networks."""

from __future__ import annotations

from pallet.network.guard import guarding_script, needed
from pallet.network.leases import Plan

_ONE = Plan("1" * 64, "one", "br-1", "10.0.0.0/24", "10.0.0.1", dns=True)
_TWO = Plan("2" * 64, "two", "br-2", "10.1.0.0/24", "10.1.0.1", dns=True)
_INSIDE = Plan("3" * 64, "in", "br-3", "10.2.0.0/24", "10.2.0.1", dns=True, internal=True)


def test_one_network_needs_none() -> None:
    assert not needed([_ONE])
    assert needed([_ONE, _TWO])
    assert needed([_INSIDE])
    assert guarding_script(":FORWARD ACCEPT [0:0]\n", [_ONE]) == ""


def test_two_networks_are_kept_apart() -> None:
    script = guarding_script(":FORWARD ACCEPT [0:0]\n", [_ONE, _TWO]).splitlines()
    assert script[0] == "*filter"
    assert script[-2:] == ["-I FORWARD -j PALLET_ISOLATION_1", "COMMIT"]
    assert "-A PALLET_ISOLATION_1 -i br-1 ! -o br-1 -j PALLET_ISOLATION_2" in script
    assert "-A PALLET_ISOLATION_2 -o br-2 -j DROP" in script


def test_an_internal_network_has_no_way_out() -> None:
    script = guarding_script("", [_INSIDE])
    assert "-A PALLET_ISOLATION_1 -i br-3 ! -o br-3 -j DROP\n" in script
    assert "-A PALLET_ISOLATION_1 ! -i br-3 -o br-3 -j DROP\n" in script


def test_a_jump_that_is_there_is_not_made_again_and_goes_with_the_chains() -> None:
    rules = ":PALLET_ISOLATION_1 - [0:0]\n:PALLET_ISOLATION_2 - [0:0]\n-A FORWARD -j PALLET_ISOLATION_1\n"
    assert "-I FORWARD" not in guarding_script(rules, [_ONE, _TWO])
    assert guarding_script(rules, [_ONE]).splitlines() == [
        "*filter",
        "-D FORWARD -j PALLET_ISOLATION_1",
        "-F PALLET_ISOLATION_1",
        "-F PALLET_ISOLATION_2",
        "-X PALLET_ISOLATION_1",
        "-X PALLET_ISOLATION_2",
        "COMMIT",
    ]


def test_the_jump_comes_before_netavarks() -> None:
    chains = ":PALLET_ISOLATION_1 - [0:0]\n:PALLET_ISOLATION_2 - [0:0]\n"
    ours, netavarks = "-A FORWARD -j PALLET_ISOLATION_1\n", "-A FORWARD -j NETAVARK_FORWARD\n"
    assert "FORWARD -j" not in guarding_script(chains + ours + netavarks, [_ONE, _TWO])
    assert guarding_script(chains + netavarks + ours, [_ONE, _TWO]).splitlines()[-3:] == [
        "-D FORWARD -j PALLET_ISOLATION_1",
        "-I FORWARD -j PALLET_ISOLATION_1",
        "COMMIT",
    ]


def test_containers_of_one_network_are_kept_from_each_other() -> None:
    plan = Plan("4" * 64, "apart", "br-4", "10.3.0.0/24", "10.3.0.1", apart=True)
    assert needed([plan])
    assert not needed([plan], six=True)
    assert "-A PALLET_ISOLATION_1 -i br-4 -o br-4 -j DROP\n" in guarding_script("", [plan])


def test_a_network_keeps_its_own_addresses_outside() -> None:
    plan = Plan("5" * 64, "own", "br-5", "10.4.0.0/24", "10.4.0.1", subnet6="fd00:4::/64", unmasked=True)
    script = guarding_script("", [plan])
    assert "*nat\n:PALLET_UNMASKED - [0:0]\n-A PALLET_UNMASKED -s 10.4.0.0/24 ! -d 10.4.0.0/24 -j ACCEPT\n" in script
    assert "-s fd00:4::/64 ! -d fd00:4::/64 -j ACCEPT" in guarding_script("", [plan], six=True)
    assert "-X PALLET_UNMASKED" in guarding_script(":PALLET_UNMASKED - [0:0]\n", [_ONE])
