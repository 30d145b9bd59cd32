"""Host ports, taken before a container gets them.

A firewall rule does not occupy a port. So pallet listens on it itself, without ever accepting, and hands the socket to
conmon, which holds it as long as the container lives: nobody else can take the port, and the kernel frees it. What
listens on IPv6 goes to the container's relay instead, which accepts (`pallet.network.relay`).
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence

from pallet.errors import HostError
from pallet.store.container_record import PortBinding

_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
_TRIES = 20


class Reserved:
    """Ports that are taken; a context that lets go of this process's hold.

    Args:
        relayed: what else than IPv6 is for the relay: the kinds of sockets (`SOCK_STREAM`, `SOCK_DGRAM`).

    Attributes:
        ports: the bindings with the host ports as chosen; those on IPv6 have a relay.
    """

    def __init__(self, *, relayed: Sequence[int] = ()) -> None:
        self._kinds = relayed
        self.ports: tuple[PortBinding, ...] = ()
        self._sockets: list[socket.socket] = []
        self._relayed: list[tuple[socket.socket, str]] = []

    @property
    def fds(self) -> tuple[int, ...]:
        """The open sockets that conmon holds."""
        return tuple(each.fileno() for each in self._sockets)

    @property
    def relayed(self) -> list[tuple[int, str]]:
        """The open sockets of the relay, and the container's port (`80/tcp`) of each."""
        return [(each.fileno(), port) for each, port in self._relayed]

    def take(self, binding: PortBinding, taken_by_containers: set[tuple[str, str, str]]) -> None:
        """Take one port: on all addresses, of IPv6 too if the host has it, unless the user names one.

        Args:
            binding: what the user wants.
            taken_by_containers: protocol, address and port of what other containers publish, for the error text.

        Raises:
            HostError: it is taken, in docker's words.
        """
        addresses = [binding.host_ip] if binding.host_ip else ["0.0.0.0", *(["::"] if has_ipv6() else [])]
        first, _, last = binding.host_port.partition("-")
        candidates = range(int(first), int(last or first) + 1) if first else (0,) * _TRIES
        failure: HostError | None = None
        for port in candidates:
            try:
                self._take(binding.container, addresses, port, taken_by_containers)
                return
            except HostError as error:
                failure = error
        if last or not first:
            raise HostError("all ports are allocated") from failure
        assert failure is not None
        raise failure

    def _take(self, container: str, addresses: list[str], port: int, taken: set[tuple[str, str, str]]) -> None:
        """The same port on all the addresses, or on none."""
        protocol = container.partition("/")[2]
        held: list[socket.socket] = []
        try:
            for address in addresses:
                number = held[0].getsockname()[1] if held else port
                found = _listen(protocol, address, number, taken)
                held += [found] if found is not None else []
        except HostError:
            for each in held:
                each.close()
            raise
        for each in held:
            address, number = each.getsockname()[:2]
            self.ports += (PortBinding(container, address, str(number)),)
            if each.family == socket.AF_INET6 or each.type in self._kinds:
                self._relayed.append((each, container))
            else:
                self._sockets.append(each)
        if not held:
            self.ports += (PortBinding(container, addresses[0], str(port)),)

    def close_held(self) -> None:
        """Close this process's sockets but those of the relay."""
        for held in self._sockets:
            held.close()
        self._sockets.clear()

    def close(self) -> None:
        """Close the sockets of this process."""
        self.close_held()
        for each, _ in self._relayed:
            each.close()
        self._relayed.clear()

    def __enter__(self) -> Reserved:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def has_ipv6() -> bool:
    """Whether anybody can listen on IPv6 here; docker looks in the same way."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _listen(protocol: str, ip: str, port: int, taken: set[tuple[str, str, str]]) -> socket.socket | None:
    kind = _KINDS.get(protocol)
    if kind is None:  # sctp: the kernel may lack it; nothing can be held
        return None
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    held = socket.socket(family, kind | socket.SOCK_CLOEXEC)
    try:
        if family == socket.AF_INET6:
            held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            # Connections of a server that was here before may still be waiting for their end.
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind((ip, port))
        if kind == socket.SOCK_STREAM:
            held.listen(1)
    except OSError as error:
        held.close()
        raise HostError(_why(error, protocol, ip, port, taken)) from error
    return held


def _why(error: OSError, protocol: str, ip: str, port: int, taken: set[tuple[str, str, str]]) -> str:
    where = f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"
    if error.errno == errno.EADDRINUSE and (protocol, ip, str(port)) in taken:
        return f"Bind for {ip}:{port} failed: port is already allocated"
    version = "6" if ":" in ip else "4"
    reason = {
        errno.EADDRINUSE: "address already in use",
        errno.EADDRNOTAVAIL: "cannot assign requested address",
        errno.EACCES: "permission denied",
    }.get(error.errno or 0, (error.strerror or str(error)).lower())
    return f"Error starting userland proxy: listen {protocol}{version} {where}: bind: {reason}"
