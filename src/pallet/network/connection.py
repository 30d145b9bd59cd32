"""A container's places in bridge networks, from its start on: addresses, links and rules by netavark."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pallet.host.locks import FileLock
from pallet.host.spawn import Spawned
from pallet.network.bookfile import BookFile
from pallet.network.changes import check, give_back, guarded, place_of, with_place, without_dead
from pallet.network.links import finish_link, set_ipv6
from pallet.network.netavark import find_netavark, order
from pallet.network.plans import Wanted
from pallet.network.relays import start_relay
from pallet.network.reserve import Reserved
from pallet.network.routes import prefer_less
from pallet.store.container_record import NetworkState, PortBinding


class Connection:
    """A container's places in its networks, in the making; a context that undoes them unless `finish` succeeded.

    Entering takes the lock of all bridges, addresses and ports; the lock is held until the end, since netavark's orders
    must not overlap.

    Args:
        file: where the book of leases is.
        id: the container's id.
        wanted: its networks.
        ports: what it publishes, in the first of its networks.
        avoid: subnets that a bridge made now must not meet: those of the store's other networks.
        reserved: ports that the caller has taken, which a relay passes on; `ports` is empty then.
        first: the number of the first network's link.
        mtu: of networks that ask for none; 0 for the kernel's own.

    Raises:
        HostError, Conflict, InvalidInput: no address or port is free, in docker's words; netavark is missing.
    """

    def __init__(
        self,
        file: BookFile,
        id: str,
        wanted: Sequence[Wanted],
        ports: Sequence[PortBinding] = (),
        avoid: Sequence[str] = (),
        *,
        reserved: Reserved | None = None,
        first: int = 0,
        mtu: int = 0,
    ) -> None:
        self._file = file
        self._id = id
        self._running: Spawned | None = None
        self._finished = False
        self.reserved = reserved or Reserved()
        self._wanted = tuple(wanted)
        find_netavark()
        self._lock: FileLock | None = file.lock()
        try:
            # The leases of dead containers, and those of an earlier run that nobody gave back.
            self.book = give_back(file, without_dead(file, file.load()), id)
            for port in ports:
                self.reserved.take(port, self.book.taken_ports())
            for number, each in enumerate(self._wanted):
                published = self.reserved.ports if number == 0 else ()
                relayed = reserved is not None
                self.book = with_place(
                    self.book, id, each, first + number, avoid, ports=published, relayed=relayed, mtu=mtu
                )
            file.save(self.book)
        except BaseException:
            self.close()
            raise

    @property
    def state(self) -> NetworkState:
        """The place in the first network, as the store keeps it."""
        return self.places[self._wanted[0].network.id]

    @property
    def places(self) -> dict[str, NetworkState]:
        """The place in each network, by the network's id."""
        return {each.network.id: place_of(self.book, each.network.id, self._id) for each in self._wanted}

    @property
    def kept(self) -> tuple[int, ...]:
        """The open files that conmon holds: sockets on the published ports."""
        return self.reserved.fds

    def begin(self, netns: int) -> None:
        """Let netavark make links and rules; it works on the first network while the caller goes on.

        Args:
            netns: the container's network namespace, open until the end.
        """
        self._netns = netns
        self._running = self._order(self._wanted[0])

    def finish(self) -> None:
        """Wait for netavark.

        Raises:
            HostError: it failed.
        """
        if self._running is None:
            return
        running, self._running = self._running, None
        check(running)
        self._settle(self._wanted[0])
        for each in self._wanted[1:]:
            check(self._order(each))
            self._settle(each)
            prefer_less(self._netns, place_of(self.book, each.network.id, self._id))
        self.book = guarded(self._file, self.book)
        self._finished = True

    def hold(self, pid: int, start: int) -> None:
        """Bind the leases to the container's own process, and have what comes in by IPv6 passed on to it."""
        for number, each in enumerate(self._wanted):
            leases = self.book.networks[each.network.id]
            held = msgspec.structs.replace(leases.leases[self._id], holder=pid, holder_start=start, whole=True)
            if number == 0 and self.reserved.relayed:
                relay = start_relay(pid, held.ip6 or held.ip, self.reserved.relayed)
                held = msgspec.structs.replace(held, relay=relay)
            self.book = self.book.with_leases(leases.with_lease(self._id, held))
        self._file.save(self.book)

    def close(self) -> None:
        """Let go of the lock and the sockets; without `finish`, of the places as well."""
        if self._running is not None:
            self._running.wait()
            self._running = None
        if not self._finished and hasattr(self, "book"):
            self._file.save(give_back(self._file, self.book, self._id))
        self._finished = True
        self.reserved.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _order(self, wanted: Wanted) -> Spawned:
        leases = self.book.networks[wanted.network.id]
        if leases.plan.subnet6:
            set_ipv6(self._netns, True)
        return order("setup", self._netns, self._id, leases.plan, leases.leases[self._id], self._file.dns_directory)

    def _settle(self, wanted: Wanted) -> None:
        plan = self.book.networks[wanted.network.id].plan
        finish_link(self._netns, plan, place_of(self.book, plan.id, self._id), wanted.link_local_ips)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
