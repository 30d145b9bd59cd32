"""The bridge networks of one network namespace: containers join and leave, and the dead ones are seen to."""

from __future__ import annotations

import os
from collections.abc import Sequence

import msgspec

from pallet.network.bookfile import BookFile
from pallet.network.changes import check, give_back, guarded, place_of, take_down, with_place, without_dead
from pallet.network.leases import Book, Plan
from pallet.network.links import finish_link, set_ipv6
from pallet.network.netavark import order, wait_for_orphans
from pallet.network.places import Places
from pallet.network.plans import Wanted
from pallet.network.pools import active_subnets
from pallet.network.resolver import rename_container
from pallet.network.routes import prefer_less
from pallet.store.container_record import NetworkState, PortBinding


class Bridges:
    """The bridges of the network namespace that the calling thread is in.

    Args:
        file: where the book of leases is.
        mtu: of networks that ask for none; 0 for the kernel's own.
    """

    def __init__(self, file: BookFile | None = None, *, mtu: int = 0) -> None:
        self._file = file or BookFile()
        self._mtu = mtu

    def connect(
        self, id: str, wanted: Sequence[Wanted], ports: Sequence[PortBinding] = (), avoid: Sequence[str] = ()
    ) -> Places:
        """Find a container that starts its places.

        Args:
            id: the container's id.
            wanted: its networks, the main one first.
            ports: what it publishes, in the main one.
            avoid: subnets that a bridge made now must not meet: those of the store's other networks.

        Raises:
            HostError, Conflict, InvalidInput: no address or port is free, in docker's words; netavark is missing.
        """
        from pallet.network.connection import Connection  # not for what ends

        return Connection(self._file, id, wanted, ports, avoid, mtu=self._mtu)

    def join(
        self, id: str, process: tuple[int, int], wanted: Wanted, number: int, avoid: Sequence[str]
    ) -> NetworkState:
        """Give a running container a place in one more network.

        Args:
            id: the container's id.
            process: its first process and that one's start time.
            wanted: the network.
            number: a number for the link that is free in the container.
            avoid: as for `connect`.

        Raises:
            HostError, Conflict, InvalidInput: as `connect`.
        """
        file = self._file
        with file.lock():
            book = without_dead(file, file.load())
            netns = os.open(f"/proc/{process[0]}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            try:
                if wanted.network.id in book.of(id):  # who began it was killed
                    wait_for_orphans()
                    book = take_down(file, book, wanted.network.id, id, netns)
                book = with_place(book, id, wanted, number, avoid, mtu=self._mtu)
                leases = book.networks[wanted.network.id]
                held = msgspec.structs.replace(leases.leases[id], holder=process[0], holder_start=process[1])
                book = book.with_leases(leases.with_lease(id, held))
                file.save(book)
                try:
                    if leases.plan.subnet6:
                        set_ipv6(netns, True)
                    check(order("setup", netns, id, leases.plan, held, file.dns_directory))
                    place = place_of(book, wanted.network.id, id)
                    finish_link(netns, leases.plan, place, wanted.link_local_ips)
                    if number:
                        prefer_less(netns, place)
                    whole = msgspec.structs.replace(held, whole=True)
                    file.save(guarded(file, book.with_leases(leases.with_lease(id, whole))))
                except BaseException:
                    file.save(take_down(file, book, wanted.network.id, id, netns))
                    raise
            finally:
                os.close(netns)
        return place

    def leave(self, id: str, pid: int, network: str) -> None:
        """Take a running container out of a network.

        Args:
            id: the container's id.
            pid: its first process.
            network: the network's id.
        """
        file = self._file
        with file.lock():
            book = file.load()
            if network not in book.of(id):
                return
            netns = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            try:
                file.save(take_down(file, book, network, id, netns))
            finally:
                os.close(netns)

    def rename(self, id: str, old: str, new: str) -> None:
        """Let a container have another name in its networks."""
        file = self._file
        if not file.writable:
            return
        with file.lock():
            book = file.load()
            for network in book.of(id):
                leases = book.networks[network]
                lease = leases.leases[id]
                names = tuple(new if name == old else name for name in lease.names)
                book = book.with_leases(leases.with_lease(id, msgspec.structs.replace(lease, names=names)))
                if leases.plan.dns:
                    rename_container(file.dns_directory, leases.plan.key, id, names)
            file.save(book)

    def disconnect(self, id: str) -> None:
        """Take a container out of all its networks: rules and addresses. It may be gone already, with its namespace."""
        file = self._file
        if not file.writable:
            return
        with file.lock():
            book = file.load()
            if book.of(id):
                file.save(give_back(file, without_dead(file, book), id))

    def clean_up(self) -> list[str]:
        """Give back what dead containers still have in this network namespace, whichever store they were of.

        Returns:
            The ids of those containers.
        """
        file = self._file
        if not file.writable:
            return []
        with file.lock():
            before = file.load()
            after = guarded(file, without_dead(file, before))
            file.save(after)
            return sorted(containers_of(before) - containers_of(after))

    def active_plan(self, network: str) -> Plan | None:
        """How a network is in the kernel right now; None if it has no containers."""
        if not self._file.writable:
            return None
        leases = self._file.load().networks.get(network)
        return leases.plan if leases else None

    def subnets_in_use(self) -> list[str]:
        """The subnets of all networks that have containers, of all stores."""
        return active_subnets(self._file.load()) if self._file.writable else []


def containers_of(book: Book) -> set[str]:
    """The ids of all containers with a lease."""
    return {id for leases in book.networks.values() for id in leases.leases}
