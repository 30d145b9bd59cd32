"""Firewall rules and the link that netavark leaves behind with a bridge's last container.

netavark removes a network's own chains only if it finds the last container's network namespace alive, and never its
fixed chains. Source: the rules that netavark 1.4 makes with iptables.
"""

from __future__ import annotations

import re

from pallet.network.iptables import change_rules, saved_rules

_OWN = re.compile(r"NETAVARK-[0-9A-F]{8,}")
# From those that jump to others to those that are jumped to.
_FIXED = (
    "NETAVARK_FORWARD",
    "NETAVARK_INPUT",
    "NETAVARK-HOSTPORT-DNAT",
    "NETAVARK-HOSTPORT-MASQ",
    "NETAVARK-HOSTPORT-SETMARK",
    "NETAVARK_ISOLATION_1",
    "NETAVARK_ISOLATION_2",
    "NETAVARK-ISOLATION-1",
    "NETAVARK-ISOLATION-2",
)
# Netlink numbers: linux/rtnetlink.h, linux/netlink.h.
_RTM_DELLINK = 17
_NLM_F_REQUEST_ACK = 0x1 | 0x4
_NETLINK_ROUTE = 0


def remove_network_rules(subnet: str, name: str) -> None:
    """Remove the rules of a network whose last container has gone; netavark's fixed chains too if no network is left.

    Args:
        subnet: such as `172.17.0.0/16`, or `fd00:1::/64` for its rules of IPv6.
        name: the network's.
    """
    kind = "ip6tables" if ":" in subnet else "iptables"
    rules = saved_rules(kind)
    if rules is not None:
        change_rules(kind, cleaning_script(rules, subnet, name))


def cleaning_script(rules: str, subnet: str, name: str = "") -> str:
    """What iptables-restore has to be told to remove a network's rules.

    Args:
        rules: what iptables-save printed.
        subnet: whose rules go.
        name: the network's: a netavark that was killed early leaves chains by its name, to which no rule leads yet.

    Returns:
        The script; empty if nothing is to be done.
    """
    tables = _tables(rules)
    chains = {
        name
        for lines in tables.values()
        for line in lines
        if line.startswith("-A ") and f" -s {subnet} " in f"{line} "
        for name in _OWN.findall(line)
    }
    chains |= {chain.replace("NETAVARK-", "NETAVARK-DN-") for chain in chains}
    chains |= {chain for chain in _named_after(name) if _is_unfinished(chain, subnet, tables)}
    kept = {table: [line for line in lines if not _belongs(line, subnet, chains)] for table, lines in tables.items()}
    everything = "\n".join(line for lines in kept.values() for line in lines)
    others = re.search(r"NETAVARK-(DN-)?[0-9A-F]{8,}|^-A NETAVARK_(FORWARD|INPUT) ", everything, re.MULTILINE)
    fixed = () if others else _FIXED
    out = []
    for table, lines in tables.items():
        orders = _orders(lines, subnet, chains, fixed)
        if orders:
            out += [f"*{table}", *orders, "COMMIT"]
    return "\n".join(out) + "\n" if out else ""


def forwards_of(name: str) -> str:
    """The chain of what a network's containers publish."""
    return _named_after(name)[1]


def _named_after(name: str) -> tuple[str, str]:
    """The chains of a network. Source: netavark, src/network/core_utils.rs, create_network_hash."""
    from hashlib import sha512

    hash = sha512(name.encode()).hexdigest()[:13].upper()
    return f"NETAVARK-{hash}", f"NETAVARK-DN-{hash}"


def _is_unfinished(chain: str, subnet: str, tables: dict[str, list[str]]) -> bool:
    """Whether a chain is there to which no rule leads, and with no rule of another subnet in it."""
    lines = [line.split() for lines in tables.values() for line in lines if chain in line.replace(":", "").split()]
    inside = [line for line in lines if line[:2] == ["-A", chain]]
    leads_to_it = any(line[0] == "-A" and line not in inside for line in lines)
    return bool(lines) and not leads_to_it and all(subnet in line or line[-1] == "MASQUERADE" for line in inside)


def _orders(lines: list[str], subnet: str, chains: set[str], fixed: tuple[str, ...]) -> list[str]:
    here = {line[1:].split()[0] for line in lines if line.startswith(":")}
    gone = [chain for chain in (*sorted(chains), *fixed) if chain in here]
    jumps = []
    for line in lines:
        if not line.startswith("-A "):
            continue
        words = line.split()
        if words[1] not in gone and (_belongs(line, subnet, chains) or any(word in gone for word in words[2:])):
            jumps.append("-D " + line[3:])
    return [*jumps, *(f"-F {chain}" for chain in gone), *(f"-X {chain}" for chain in gone)]


def _belongs(line: str, subnet: str, chains: set[str]) -> bool:
    """Whether a rule or a chain is of this subnet."""
    words = line.split()
    if line.startswith(":"):
        return words[0][1:] in chains
    if line.startswith("-A ") and any(word in chains for word in words):
        return True
    return line.startswith("-A NETAVARK") and subnet in words


def _tables(rules: str) -> dict[str, list[str]]:
    tables: dict[str, list[str]] = {}
    table = ""
    for line in rules.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith((":", "-A ")):
            tables.setdefault(table, []).append(line)
    return tables


def remove_link(name: str) -> None:
    """Remove a network link, if there is one. Source: rtnetlink(7), RTM_DELLINK."""
    import socket
    import struct

    try:
        index = socket.if_nametoindex(name)
    except OSError:
        return
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_ROUTE) as netlink:
        body = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, 0, 0)
        netlink.send(struct.pack("=IHHII", 16 + len(body), _RTM_DELLINK, _NLM_F_REQUEST_ACK, 1, 0) + body)
        netlink.recv(4096)
