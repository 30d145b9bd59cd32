"""Containers' places in bridge networks: addresses, links and rules by netavark, and their end."""

from __future__ import annotations

import os
from collections.abc import Sequence

import msgspec

from pallet.errors import HostError
from pallet.host.locks import FileLock, lock
from pallet.host.process import alive, start_time
from pallet.host.spawn import Spawned
from pallet.network import guard
from pallet.network import leases as pages
from pallet.network.leases import Book, Lease, Leases, Plan
from pallet.network.links import finish_link, set_ipv6
from pallet.network.netavark import complaint, empty_network, find_netavark, mac_of, order, wait_for_orphans
from pallet.network.plans import Wanted, plan_of
from pallet.network.pools import active_subnets
from pallet.network.relays import start_relay, stop_relay
from pallet.network.reserve import Reserved
from pallet.network.resolver import forget_network, rename_container
from pallet.network.routes import prefer_less
from pallet.network.rules import remove_link, remove_network_rules
from pallet.store.container_record import NetworkState, PortBinding
from pallet.store.networks import BRIDGE


class Connection:
    """A container's places in its networks, in the making; a context that undoes them unless `finish` succeeded.

    Entering takes the lock of all bridges, addresses and ports; the lock is held until the end, since netavark's orders
    must not overlap.

    Args:
        id: the container's id.
        name: its name.
        ports: what it publishes, in the first of its networks.
        wanted: its networks; the default bridge if none is given.
        avoid: subnets that a bridge made now must not meet: those of the store's other networks.

    Raises:
        HostError, Conflict, InvalidInput: no address or port is free, in docker's words; netavark is missing.
    """

    def __init__(
        self,
        id: str,
        name: str,
        ports: tuple[PortBinding, ...],
        wanted: Sequence[Wanted] = (),
        avoid: Sequence[str] = (),
    ) -> None:
        self._id = id
        self._running: Spawned | None = None
        self._finished = False
        self._pid = 0
        self.reserved = Reserved()
        self._wanted = tuple(wanted) or (Wanted(BRIDGE, (name,)),)
        find_netavark()
        self._lock: FileLock | None = _locked()
        try:
            # The leases of dead containers, and those of an earlier run that nobody gave back.
            self.book = _give_back(_without_dead(pages.load()), id)
            for port in ports:
                self.reserved.take(port, self.book.taken_ports())
            for number, each in enumerate(self._wanted):
                published = self.reserved.ports if number == 0 else ()
                self.book = _with_place(self.book, id, each, published, number, avoid)
            pages.save(self.book)
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
        return {each.network.id: _place(self.book, each.network.id, self._id) for each in self._wanted}

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
        _check(self._running)
        self._running = None
        self._settle(self._wanted[0])
        for each in self._wanted[1:]:
            _check(self._order(each))
            self._settle(each)
            prefer_less(self._netns, _place(self.book, each.network.id, self._id))
        self.book = _guarded(self.book)
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
        pages.save(self.book)

    def close(self) -> None:
        """Let go of the lock and the sockets; without `finish`, of the places as well."""
        if self._running is not None:
            self._running.wait()
            self._running = None
        if not self._finished and hasattr(self, "book"):
            pages.save(_give_back(self.book, self._id))
        self._finished = True
        self.reserved.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _order(self, wanted: Wanted) -> Spawned:
        leases = self.book.networks[wanted.network.id]
        if leases.plan.subnet6:
            set_ipv6(self._netns, True)
        return order("setup", self._netns, self._id, leases.plan, leases.leases[self._id])

    def _settle(self, wanted: Wanted) -> None:
        plan = self.book.networks[wanted.network.id].plan
        finish_link(self._netns, plan, _place(self.book, plan.id, self._id), wanted.link_local_ips)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def join(id: str, process: tuple[int, int], wanted: Wanted, number: int, avoid: Sequence[str]) -> NetworkState:
    """Give a running container a place in one more network.

    Args:
        id: the container's id.
        process: its first process and that one's start time.
        wanted: the network.
        number: a number for the link that is free in the container.
        avoid: as for `Connection`.

    Raises:
        HostError, Conflict, InvalidInput: as `Connection`.
    """
    with _locked():
        book = _without_dead(pages.load())
        netns = os.open(f"/proc/{process[0]}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            if wanted.network.id in book.of(id):  # who began it was killed
                wait_for_orphans()
                book = _take_down(book, wanted.network.id, id, netns)
            book = _with_place(book, id, wanted, (), number, avoid)
            leases = book.networks[wanted.network.id]
            held = msgspec.structs.replace(leases.leases[id], holder=process[0], holder_start=process[1])
            book = book.with_leases(leases.with_lease(id, held))
            pages.save(book)
            try:
                if leases.plan.subnet6:
                    set_ipv6(netns, True)
                _check(order("setup", netns, id, leases.plan, held))
                place = _place(book, wanted.network.id, id)
                finish_link(netns, leases.plan, place, wanted.link_local_ips)
                if number:
                    prefer_less(netns, place)
                whole = msgspec.structs.replace(held, whole=True)
                pages.save(_guarded(book.with_leases(leases.with_lease(id, whole))))
            except BaseException:
                pages.save(_take_down(book, wanted.network.id, id, netns))
                raise
        finally:
            os.close(netns)
    return place


def leave(id: str, pid: int, network: str) -> None:
    """Take a running container out of a network.

    Args:
        id: the container's id.
        pid: its first process.
        network: the network's id.
    """
    with _locked():
        book = pages.load()
        if network not in book.of(id):
            return
        netns = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            pages.save(_take_down(book, network, id, netns))
        finally:
            os.close(netns)


def rename(id: str, old: str, new: str) -> None:
    """Let a container have another name in its networks."""
    if not os.access(pages.DIRECTORY, os.W_OK):
        return
    with _locked():
        book = pages.load()
        for network in book.of(id):
            leases = book.networks[network]
            lease = leases.leases[id]
            names = tuple(new if name == old else name for name in lease.names)
            book = book.with_leases(leases.with_lease(id, msgspec.structs.replace(lease, names=names)))
            if leases.plan.dns:
                rename_container(leases.plan.key, id, names)
        pages.save(book)


def disconnect(id: str) -> None:
    """Take a container out of all its networks: rules and addresses. It may be gone already, with its namespace."""
    if not os.access(pages.DIRECTORY, os.W_OK):
        return
    with _locked():
        book = pages.load()
        if book.of(id):
            pages.save(_give_back(_without_dead(book), id))


def clean_up() -> list[str]:
    """Give back what dead containers still have in this network namespace, whichever store they were of.

    Returns:
        The ids of those containers.
    """
    if not os.access(pages.DIRECTORY, os.W_OK):
        return []
    with _locked():
        before = pages.load()
        after = _guarded(_without_dead(before))
        pages.save(after)
        return sorted(_containers(before) - _containers(after))


def active_plan(network: str) -> Plan | None:
    """How a network is in the kernel right now; None if it has no containers."""
    if not os.access(pages.DIRECTORY, os.W_OK):
        return None
    leases = pages.load().networks.get(network)
    return leases.plan if leases else None


def subnets_in_use() -> list[str]:
    """The subnets of all networks that have containers, of all stores."""
    return active_subnets(pages.load()) if os.access(pages.DIRECTORY, os.W_OK) else []


def _containers(book: Book) -> set[str]:
    return {id for leases in book.networks.values() for id in leases.leases}


def _locked() -> FileLock:
    return lock(f"{pages.DIRECTORY}/lock")


def _with_place(
    book: Book, id: str, wanted: Wanted, ports: tuple[PortBinding, ...], number: int, avoid: Sequence[str]
) -> Book:
    """The book with one lease more, held by this process."""
    network = wanted.network
    leases = book.networks.get(network.id) or Leases(plan_of(network, active_subnets(book), avoid))
    own = os.getpid()
    lease = Lease(
        ip=leases.address(wanted.ip),
        holder=own,
        holder_start=start_time(own),
        ports=ports,
        link=f"{network.link_prefix}{number}",
        names=wanted.names,
        mac=wanted.mac,
        ip6=leases.address6(wanted.ip6),
    )
    return book.with_leases(leases.with_lease(id, lease))


def _place(book: Book, network: str, id: str) -> NetworkState:
    leases = book.networks[network]
    lease, plan = leases.leases[id], leases.plan
    return NetworkState(
        ip=lease.ip,
        prefix=plan.prefix,
        gateway=plan.gateway,
        mac=lease.mac or mac_of(lease.ip),
        ports=lease.ports,
        link=lease.link,
        ip6=lease.ip6,
        prefix6=plan.prefix6,
        gateway6=plan.gateway6,
    )


def _without_dead(book: Book) -> Book:
    """Give back the leases whose container is gone without anybody noticing (its store may be gone as well)."""
    for leases in list(book.networks.values()):
        for id, lease in leases.leases.items():
            if not alive(lease.holder, lease.holder_start):
                if not lease.whole:
                    wait_for_orphans()
                book = _give_back(book, id)
    return book


def _give_back(book: Book, id: str) -> Book:
    """End a container's leases when its network namespace is gone."""
    for network in book.of(id):
        leases = book.networks[network]
        if len(leases.leases) == 1 and not leases.plan.dns:
            # The last one's rules go with the network's, in one go: netavark takes longer than all the rest.
            stop_relay(leases.leases[id].relay)
            book = _without(book, network, id)
            continue
        # The links went with the container's namespace. netavark removes the rules first and then misses the link,
        # which it says; removing rules is all it is asked for.
        empty = empty_network()
        try:
            book = _take_down(book, network, id, empty)
        finally:
            os.close(empty)
    return book


def _take_down(book: Book, network: str, id: str, netns: int) -> Book:
    """Have netavark take away a container's link and rules."""
    leases = book.networks[network]
    stop_relay(leases.leases[id].relay)
    order("teardown", netns, id, leases.plan, leases.leases[id]).wait()
    return _without(book, network, id)


def _without(book: Book, network: str, id: str) -> Book:
    """The book without a lease; a network's own rules and bridge go with the last one."""
    leases = book.networks[network]
    left = leases.without(id)
    book = book.with_leases(left)
    if left.leases:
        return book
    plan = leases.plan
    remove_network_rules(plan.subnet, plan.key)
    if plan.subnet6:
        remove_network_rules(plan.subnet6, plan.key)
    remove_link(plan.link)
    if plan.dns:
        forget_network(plan.key, last=not any(each.plan.dns for each in book.networks.values()))
    return _guarded(book)


def _guarded(book: Book) -> Book:
    """See to the rules between networks; the book that is kept knows of them before they are there."""
    plans = [each.plan for each in book.networks.values()]
    four, six = guard.needed(plans), guard.needed(plans, six=True)
    if not four and not six and not book.guarded and not book.guarded6:
        return book
    pages.save(Book(book.networks, book.guarded or four, book.guarded6 or six))
    if four or book.guarded:
        guard.keep_apart(plans)
    if six or book.guarded6:
        guard.keep_apart(plans, six=True)
    return Book(book.networks, four, six)


def _check(running: Spawned) -> None:
    done = running.wait()
    if done.code != 0:
        raise HostError(f"failed to set up the network: {complaint(done.stdout, done.stderr)}")
