"""Host ports, taken before a container gets them.

A firewall rule does not occupy a port. So pallet listens on it itself, without ever accepting, and hands the socket to
conmon, which holds it as long as the container lives: nobody else can take the port, and the kernel frees it.
"""

from __future__ import annotations

import errno
import socket

from pallet.errors import HostError
from pallet.store.container_record import PortBinding

_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


class Reserved:
    """Ports that are taken; a context that lets go of this process's hold.

    Attributes:
        ports: the bindings with the host ports as chosen.
    """

    def __init__(self) -> None:
        self.ports: tuple[PortBinding, ...] = ()
        self._sockets: list[socket.socket] = []

    @property
    def fds(self) -> tuple[int, ...]:
        """The open sockets."""
        return tuple(each.fileno() for each in self._sockets)

    def take(self, binding: PortBinding, taken_by_containers: set[tuple[str, str]]) -> None:
        """Take one port.

        Args:
            binding: what the user wants.
            taken_by_containers: protocol and port of what other containers publish, for the error text.

        Raises:
            HostError: it is taken, in docker's words.
        """
        protocol = binding.container.partition("/")[2]
        first, _, last = binding.host_port.partition("-")
        candidates = range(int(first), int(last or first) + 1) if first else (0,)
        for port in candidates:
            try:
                chosen = self._hold(protocol, binding.host_ip, port)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise HostError(f"cannot listen on {_shown(binding.host_ip, port)}: {error.strerror}") from error
                continue
            self.ports += (PortBinding(binding.container, binding.host_ip or "0.0.0.0", str(chosen)),)
            return
        if last:
            raise HostError("all ports are allocated")
        where = _shown(binding.host_ip, int(first))
        if (protocol, first) in taken_by_containers:
            raise HostError(f"Bind for {where} failed: port is already allocated")
        raise HostError(f"Error starting userland proxy: listen {protocol}4 {where}: bind: address already in use")

    def _hold(self, protocol: str, ip: str, port: int) -> int:
        kind = _KINDS.get(protocol)
        if kind is None:  # sctp: the kernel may lack it; nothing can be held
            return port
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        held = socket.socket(family, kind | socket.SOCK_CLOEXEC)
        try:
            if kind == socket.SOCK_STREAM:
                # Connections of a server that was here before may still be waiting for their end.
                held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            held.bind((ip or "0.0.0.0", port))
            if kind == socket.SOCK_STREAM:
                held.listen(1)
            chosen: int = held.getsockname()[1]
        except OSError:
            held.close()
            raise
        self._sockets.append(held)
        return chosen

    def close(self) -> None:
        """Close the sockets of this process."""
        for held in self._sockets:
            held.close()
        self._sockets.clear()

    def __enter__(self) -> Reserved:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _shown(ip: str, port: int) -> str:
    return f"[{ip}]:{port}" if ":" in ip else f"{ip or '0.0.0.0'}:{port}"
