"""A container's places in networks of a user without privileges: as root's, but in the namespace that they share."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import ExitStack

from pallet.network.bookfile import BookFile
from pallet.network.connection import Connection
from pallet.network.places import Places
from pallet.network.plans import Wanted
from pallet.network.reserve import Reserved
from pallet.network.sharednet import SharedNetwork
from pallet.network.usermode import check_port
from pallet.store.container_record import NetworkState, PortBinding


class SharedConnection:
    """The places in the making; a context. Ports are all passed on by the container's relay.

    Args:
        shared: the namespace, its lock held; closed with this.
        file: where the book of its leases is.
        id: the container's id.
        wanted: its networks.
        ports: what it publishes, in the first of them.
        avoid: subnets that are other networks'.
        first: the number of the first network's link.
        mtu: of networks that ask for none.

    Raises:
        HostError, Conflict, InvalidInput: no address or port is free, in docker's words; a program is missing.
    """

    def __init__(
        self,
        shared: SharedNetwork,
        file: BookFile,
        id: str,
        wanted: Sequence[Wanted],
        ports: Sequence[PortBinding],
        avoid: Sequence[str],
        *,
        first: int,
        mtu: int,
    ) -> None:
        self._shared = shared
        self._reserved = Reserved(relayed=(socket.SOCK_STREAM, socket.SOCK_DGRAM))
        self._inner: Connection | None = None
        try:
            taken = file.load().taken_ports()
            for port in ports:
                check_port(port)
                self._reserved.take(port, taken)
            shared.ensure()
            self._inner = shared.run(
                lambda: Connection(file, id, wanted, avoid=avoid, reserved=self._reserved, first=first, mtu=mtu)
            )
        except BaseException:
            self.close()
            raise

    @property
    def state(self) -> NetworkState:
        """The place in the first network, as the store keeps it."""
        return self._connection.state

    @property
    def places(self) -> dict[str, NetworkState]:
        """The place in each network, by the network's id."""
        return self._connection.places

    @property
    def kept(self) -> tuple[int, ...]:
        """What conmon has to hold open."""
        return self._shared.kept

    def begin(self, netns: int) -> None:
        """Let netavark work while the caller goes on."""
        self._shared.run(lambda: self._connection.begin(netns))

    def finish(self) -> None:
        """Wait for it, and for the way out.

        Raises:
            HostError: something failed.
        """
        self._shared.finish()
        self._shared.run(self._connection.finish)

    def hold(self, pid: int, start: int) -> None:
        """Bind the places to the container's first process, and start its relay."""
        self._shared.run(lambda: self._connection.hold(pid, start))

    def close(self) -> None:
        """Let go; without `finish`, of the places as well."""
        inner, self._inner = self._inner, None
        try:
            if inner is not None:
                self._shared.run(inner.close)
        finally:
            self._reserved.close()
            self._shared.close()

    @property
    def _connection(self) -> Connection:
        assert self._inner is not None
        return self._inner

    def __enter__(self) -> SharedConnection:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class JointPlaces:
    """Places that are made in two ways, as one; a context.

    Args:
        parts: them, the one with the main network first.
    """

    def __init__(self, parts: Sequence[Places]) -> None:
        self._parts = parts

    @property
    def state(self) -> NetworkState:
        """The place in the main network, as the store keeps it."""
        return self._parts[0].state

    @property
    def places(self) -> dict[str, NetworkState]:
        """The place in each network, by the network's id."""
        return {network: place for part in self._parts for network, place in part.places.items()}

    @property
    def kept(self) -> tuple[int, ...]:
        """What conmon has to hold open."""
        return tuple(fd for part in self._parts for fd in part.kept)

    def begin(self, netns: int) -> None:
        """Begin all."""
        for part in self._parts:
            part.begin(netns)

    def finish(self) -> None:
        """Wait for all."""
        for part in self._parts:
            part.finish()

    def hold(self, pid: int, start: int) -> None:
        """Bind all to the container's first process."""
        for part in self._parts:
            part.hold(pid, start)

    def close(self) -> None:
        """Let go of all."""
        with ExitStack() as stack:
            for part in self._parts:
                stack.callback(part.close)

    def __enter__(self) -> JointPlaces:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
