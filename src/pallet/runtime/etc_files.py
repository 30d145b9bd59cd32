"""A container's /etc/hosts, /etc/hostname and /etc/resolv.conf.

Source: what docker 20.10 writes into them.
"""

from __future__ import annotations

from collections.abc import Sequence

_LOCAL = """127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
ff00::0\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
"""
# What docker falls back to when the host's resolvers are only reachable from the host.
_PUBLIC_RESOLVERS = ("8.8.8.8", "8.8.4.4")


def hosts(entries: Sequence[tuple[str, str]]) -> str:
    """The text of /etc/hosts.

    Args:
        entries: address and names, in this order behind the local ones.
    """
    return _LOCAL + "".join(f"{address}\t{names}\n" for address, names in entries)


def resolv_conf(host: str, *, own_network: bool, resolver: str = "") -> str:
    """The text of /etc/resolv.conf.

    Args:
        host: the host's.
        own_network: whether the container has a network of its own, where the host's loopback is out of reach.
        resolver: the one that knows the containers of its network, and asks the host's about everything else.
    """
    if not own_network:
        return host
    if resolver:
        kept = [line for line in host.splitlines() if line.split()[:1] in (["search"], ["domain"])]
        return "\n".join([f"nameserver {resolver}", *kept, "options ndots:0"]) + "\n"
    lines, servers = [], 0
    for line in host.splitlines():
        words = line.split()
        if words[:1] == ["nameserver"] and len(words) > 1:
            if words[1].startswith("127.") or words[1] == "::1":
                continue
            servers += 1
        lines.append(line)
    if not servers:
        lines = [f"nameserver {server}" for server in _PUBLIC_RESOLVERS] + lines
    return "\n".join(lines) + "\n"
