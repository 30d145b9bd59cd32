"""Firewall rules that keep networks apart: containers of one do not reach those of another, as with docker's bridges.

netavark can do it too, but 1.4 takes the jump to its chains away with the first network that goes. The chains here are
written anew, in one transaction, whenever a network comes or goes; with one network that has a way out there are none.
"""

from __future__ import annotations

from collections.abc import Sequence

from pallet.errors import HostError
from pallet.host.spawn import find_program, run
from pallet.network.iptables import change_rules, saved_rules
from pallet.network.leases import Plan

_FIRST = "PALLET_ISOLATION_1"
_SECOND = "PALLET_ISOLATION_2"
_UNMASKED = "PALLET_UNMASKED"
_BRIDGES = "/proc/sys/net/bridge/bridge-nf-call-{}"


def needed(plans: Sequence[Plan], *, six: bool = False) -> bool:
    """Whether these networks need rules; `six` for those of IPv6."""
    plans = [plan for plan in plans if plan.subnet6 or not six]
    return len(plans) > 1 or any(plan.internal or plan.apart or plan.unmasked for plan in plans)


def keep_apart(plans: Sequence[Plan], *, six: bool = False) -> None:
    """Make the rules for these networks, the only ones that have containers; remove them if there is no need.

    Args:
        plans: the networks.
        six: the rules of IPv6.

    Raises:
        HostError: the kernel does not let the containers of one network be kept from each other.
    """
    kind = "ip6tables" if six else "iptables"
    rules = saved_rules(kind)
    if rules is None:
        return
    plans = [plan for plan in plans if plan.subnet6 or not six]
    if any(plan.apart for plan in plans):
        _filter_bridges(kind)
    change_rules(kind, guarding_script(rules, plans, six=six))


def guarding_script(rules: str, plans: Sequence[Plan], *, six: bool = False) -> str:
    """What iptables-restore has to be told.

    Args:
        rules: what iptables-save printed.
        plans: the networks that have containers.
        six: what ip6tables-restore has to be told, of networks that all have IPv6.

    Returns:
        The script; empty if nothing is to be done.
    """
    first, second, unmasked = [], [], []
    for plan in plans if needed(plans) else ():
        if plan.internal:
            first.append(f"-i {plan.link} ! -o {plan.link} -j DROP")
            first.append(f"! -i {plan.link} -o {plan.link} -j DROP")
        if plan.apart:
            first.append(f"-i {plan.link} -o {plan.link} -j DROP")
        first.append(f"-i {plan.link} ! -o {plan.link} -j {_SECOND}")
        second.append(f"-o {plan.link} -j DROP")
        if plan.unmasked:
            subnet = plan.subnet6 if six else plan.subnet
            unmasked.append(f"-s {subnet} ! -d {subnet} -j ACCEPT")
    lines = rules.splitlines()
    orders = _table("filter", "FORWARD", {_FIRST: first, _SECOND: second}, lines)
    orders += _table("nat", "POSTROUTING", {_UNMASKED: unmasked}, lines)
    return "\n".join((*orders, "")) if orders else ""


def _table(table: str, parent: str, chains: dict[str, list[str]], lines: list[str]) -> list[str]:
    """The orders that give chains these rules, and a jump to the first of them; without any rule they go."""
    jump = f"{parent} -j {next(iter(chains))}"
    jumps = lines.count(f"-A {jump}")
    there = [chain for chain in chains if any(line.startswith(f":{chain} ") for line in lines)]
    if not any(chains.values()):
        if not there:
            return []
        orders = [f"-D {jump}"] * jumps + [f"-F {chain}" for chain in there] + [f"-X {chain}" for chain in there]
        return [f"*{table}", *orders, "COMMIT"]
    orders = [f":{chain} - [0:0]" for chain in chains]  # which empties chains that are there
    orders += [f"-A {chain} {rule}" for chain, rules in chains.items() for rule in rules]
    ways = [line for line in lines if line == f"-A {jump}" or (line.startswith(f"-A {parent} ") and "NETAVARK" in line)]
    if not jumps or ways[0] != f"-A {jump}":  # netavark, whose rules let all pass, puts itself first when it comes anew
        orders += [f"-D {jump}"] * jumps + [f"-I {jump}"]
    return [f"*{table}", *orders, "COMMIT"]


def _filter_bridges(kind: str) -> None:
    """Let rules see what goes from one container of a bridge to another."""
    for tried in (False, True):
        try:
            with open(_BRIDGES.format(kind), "w") as file:
                file.write("1")
            return
        except FileNotFoundError:
            modprobe = None if tried else find_program("modprobe")
            if modprobe is not None:
                run([modprobe, "br_netfilter"])
        except PermissionError:  # a kernel that has one switch for all network namespaces
            break
    raise HostError("cannot restrict inter-container communication: the kernel has no br_netfilter")
