"""A container's links, as far as netavark leaves them to pallet: IPv6 on or off, link-local addresses.

docker turns IPv6 off in a container whose networks have none. Source: the kernel's ip-sysctl; rtnetlink(7).
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address

from pallet.errors import HostError
from pallet.host import mounts
from pallet.network.iptables import change_rules
from pallet.network.leases import Plan
from pallet.network.rules import forwards_of
from pallet.store.container_record import NetworkState

_RTM_NEWADDR = 20
_REQUEST_ACK_CREATE = 0x1 | 0x4 | 0x400
_LOCAL_PREFIX = {4: 16, 6: 64}
_SCOPE_GLOBAL = 0  # as docker has it, although these are link-local
_IFA_ADDRESS, _IFA_LOCAL = 1, 2


@contextmanager
def inside(netns: int) -> Iterator[None]:
    """This thread is in another network namespace meanwhile."""
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        mounts.setns(netns, mounts.CLONE_NEWNET)
        try:
            yield
        finally:
            mounts.setns(own, mounts.CLONE_NEWNET)
    finally:
        os.close(own)


def set_ipv6(netns: int, on: bool) -> None:
    """Let links that are made from now on have IPv6, or not.

    Args:
        netns: the container's network namespace, open.
        on: whether they shall; then the loopback has it from now on, too, and addresses can be used at once.
    """
    with inside(netns):
        _set("default", "disable_ipv6", not on)
        if on:
            _set("lo", "disable_ipv6", False)
            _set("default", "accept_dad", False)


def finish_link(netns: int, plan: Plan, place: NetworkState, link_local_ips: Sequence[str]) -> None:
    """Do what is left to do when netavark has made a link.

    Args:
        netns: the container's network namespace, open.
        plan: the network.
        place: the container's place in it.
        link_local_ips: more addresses for the link.

    Raises:
        HostError: an address cannot be given.
    """
    if plan.subnet6:
        set_ipv6(netns, False)
        if place.ports:
            # The relay passes on what comes by IPv6, in all cases in the same way.
            change_rules("ip6tables", f"*nat\n-F {forwards_of(plan.key)}\nCOMMIT\n")
    if link_local_ips:
        with inside(netns):
            for text in link_local_ips:
                _add_address(place.link, text)


def _set(link: str, name: str, on: bool) -> None:
    try:
        with open(f"/proc/sys/net/ipv6/conf/{link}/{name}", "w") as file:
            file.write("1" if on else "0")
    except FileNotFoundError:  # a kernel without IPv6
        return


def _add_address(link: str, text: str) -> None:
    address = ip_address(text)
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    header = (family, _LOCAL_PREFIX[address.version], 0, _SCOPE_GLOBAL, socket.if_nametoindex(link))
    body = struct.pack("=BBBBI", *header)
    for attribute in (_IFA_LOCAL, _IFA_ADDRESS):
        body += struct.pack("=HH", 4 + len(address.packed), attribute) + address.packed
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0) as netlink:
        netlink.send(struct.pack("=IHHII", 16 + len(body), _RTM_NEWADDR, _REQUEST_ACK_CREATE, 1, 0) + body)
        (error,) = struct.unpack_from("=i", netlink.recv(4096), 16)
    if error:
        raise HostError(f"cannot give {link} the address {text}: {os.strerror(-error)}")
