"""Firewall rules that keep networks apart: containers of one do not reach those of another, as with docker's bridges.

netavark can do it too, but 1.4 takes the jump to its chains away with the first network that goes. The chains here are
written anew, in one transaction, whenever a network comes or goes; with one network that has a way out there are none.
"""

from __future__ import annotations

from collections.abc import Sequence

from pallet.host.spawn import find_program, run
from pallet.network.leases import Plan

_FIRST = "PALLET_ISOLATION_1"
_SECOND = "PALLET_ISOLATION_2"


def needed(plans: Sequence[Plan]) -> bool:
    """Whether these networks need rules."""
    return len(plans) > 1 or any(plan.internal for plan in plans)


def keep_apart(plans: Sequence[Plan]) -> None:
    """Make the rules for these networks, the only ones that have containers; remove them if there is no need."""
    save, restore = find_program("iptables-save"), find_program("iptables-restore")
    if save is None or restore is None:
        return
    script = guarding_script(run([save, "-t", "filter"]).stdout.decode(errors="replace"), plans)
    if script:
        run([restore, "--noflush"], stdin=script.encode())


def guarding_script(rules: str, plans: Sequence[Plan]) -> str:
    """What iptables-restore has to be told.

    Args:
        rules: what iptables-save printed of the filter table.
        plans: the networks that have containers.

    Returns:
        The script; empty if nothing is to be done.
    """
    lines = rules.splitlines()
    jump = f"FORWARD -j {_FIRST}"
    jumps = lines.count(f"-A {jump}")
    there = [chain for chain in (_FIRST, _SECOND) if any(line.startswith(f":{chain} ") for line in lines)]
    if not needed(plans):
        if not there:
            return ""
        orders = [f"-D {jump}"] * jumps + [f"-F {chain}" for chain in there] + [f"-X {chain}" for chain in there]
        return "\n".join(("*filter", *orders, "COMMIT", ""))
    orders = [f":{_FIRST} - [0:0]", f":{_SECOND} - [0:0]"]  # which empties chains that are there
    for plan in plans:
        if plan.internal:
            orders.append(f"-A {_FIRST} -i {plan.link} ! -o {plan.link} -j DROP")
            orders.append(f"-A {_FIRST} ! -i {plan.link} -o {plan.link} -j DROP")
        orders.append(f"-A {_FIRST} -i {plan.link} ! -o {plan.link} -j {_SECOND}")
        orders.append(f"-A {_SECOND} -o {plan.link} -j DROP")
    if not jumps:
        orders.append(f"-I {jump}")
    return "\n".join(("*filter", *orders, "COMMIT", ""))
