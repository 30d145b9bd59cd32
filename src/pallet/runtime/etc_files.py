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


def resolv_conf(
    host: str,
    *,
    own_network: bool,
    resolver: str = "",
    servers: Sequence[str] = (),
    search: Sequence[str] = (),
    options: Sequence[str] = (),
) -> str:
    """The text of /etc/resolv.conf.

    Args:
        host: the host's.
        own_network: whether the container has a network of its own, where the host's loopback is out of reach.
        resolver: the one that knows the containers of its network, and asks the others about everything else.
        servers: the user's name servers, in place of the host's.
        search: the user's domains to search in, in place of the host's; `.` for none.
        options: the user's options, in place of the host's.
    """
    if resolver:
        kept = [line for line in host.splitlines() if line.split()[:1] in (["search"], ["domain"])]
        if search:
            kept = _search(search)
        return "\n".join([f"nameserver {resolver}", *kept, " ".join(["options", "ndots:0", *options])]) + "\n"
    if servers or search or options:
        return _own_resolv_conf(host, servers, search, options)
    if not own_network:
        return host
    lines, found = [], 0
    for line in host.splitlines():
        words = line.split()
        if words[:1] == ["nameserver"] and len(words) > 1:
            if words[1].startswith("127.") or words[1] == "::1":
                continue
            found += 1
        lines.append(line)
    if not found:
        lines = [f"nameserver {server}" for server in _PUBLIC_RESOLVERS] + lines
    return "\n".join(lines) + "\n"


def _own_resolv_conf(host: str, servers: Sequence[str], search: Sequence[str], options: Sequence[str]) -> str:
    """The host's words where the user has none."""
    lines = [words for line in host.splitlines() if (words := line.split())]
    servers = servers or [words[1] for words in lines if words[0] == "nameserver" and len(words) > 1]
    search = search or next((words[1:] for words in reversed(lines) if words[0] == "search"), ())
    options = options or next((words[1:] for words in reversed(lines) if words[0] == "options"), ())
    out = [*_search(search), *(f"nameserver {server}" for server in servers)]
    if options:
        out.append(" ".join(["options", *options]))
    return "".join(line + "\n" for line in out)


def _search(domains: Sequence[str]) -> list[str]:
    return [] if not domains or list(domains) == ["."] else [" ".join(["search", *domains])]
