"""The default routes of containers in several networks.

netavark gives each network's route out the same metric, and the kernel takes the newest. docker goes out through one
network as long as the container is in it: the others' routes get a worse metric here. Source: rtnetlink(7).
"""

from __future__ import annotations

import socket
import struct

from pallet.network.links import inside
from pallet.store.container_record import NetworkState

_RTM_NEWROUTE = 24
_RTM_DELROUTE = 25
_REQUEST_ACK = 0x1 | 0x4
_CREATE = 0x400
_MAIN_TABLE = 254
_PROTOCOL_STATIC = 4
_UNICAST = 1
_OIF, _GATEWAY, _PRIORITY = 4, 5, 6
_NETAVARKS_METRIC = 100
_WORSE = 200


def prefer_less(netns: int, place: NetworkState) -> None:
    """Make the route out through a network one that is used only if there is no other; none is fine.

    Args:
        netns: the container's network namespace, open.
        place: its place in the network.
    """
    with inside(netns):
        index = socket.if_nametoindex(place.link)
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0) as netlink:
            for gateway in filter(None, (place.gateway, place.gateway6)):
                if _ask(netlink, _RTM_DELROUTE, 0, index, gateway, _NETAVARKS_METRIC):
                    _ask(netlink, _RTM_NEWROUTE, _CREATE, index, gateway, _WORSE + index)


def _ask(netlink: socket.socket, kind: int, flags: int, index: int, gateway: str, metric: int) -> bool:
    """Tell the kernel of a default route; whether it agreed."""
    family = socket.AF_INET6 if ":" in gateway else socket.AF_INET
    body = struct.pack("=BBBBBBBBI", family, 0, 0, 0, _MAIN_TABLE, _PROTOCOL_STATIC, 0, _UNICAST, 0)
    for attribute, value in (
        (_GATEWAY, socket.inet_pton(family, gateway)),
        (_OIF, struct.pack("=I", index)),
        (_PRIORITY, struct.pack("=I", metric)),
    ):
        body += struct.pack("=HH", 4 + len(value), attribute) + value
    netlink.send(struct.pack("=IHHII", 16 + len(body), kind, _REQUEST_ACK | flags, 1, 0) + body)
    answer = netlink.recv(4096)
    (error,) = struct.unpack_from("=i", answer, 16)
    return bool(error == 0)
