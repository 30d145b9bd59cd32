"""The steps by which networks change in the kernel and in the book of leases; each gives the book that then holds.

The caller holds the book's lock, and is in the network namespace that it is about.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import msgspec

from pallet.errors import HostError
from pallet.host.process import alive, start_time
from pallet.host.spawn import Spawned
from pallet.network import guard
from pallet.network.bookfile import BookFile
from pallet.network.leases import Book, Lease, Leases
from pallet.network.netavark import complaint, empty_network, mac_of, order, wait_for_orphans
from pallet.network.plans import Wanted, plan_of
from pallet.network.pools import active_subnets
from pallet.network.relays import stop_relay
from pallet.network.resolver import forget_network
from pallet.network.rules import remove_link, remove_network_rules
from pallet.store.container_record import NetworkState, PortBinding


def with_place(
    book: Book,
    id: str,
    wanted: Wanted,
    number: int,
    avoid: Sequence[str],
    *,
    ports: tuple[PortBinding, ...] = (),
    relayed: bool = False,
    mtu: int = 0,
) -> Book:
    """The book with one lease more, held by this process.

    Args:
        book: the book.
        id: the container's id.
        wanted: its part in the network.
        number: the number of its link.
        avoid: subnets that a bridge made now must not meet.
        ports: what it publishes there.
        relayed: whether a relay passes on all of that.
        mtu: of a network that asks for none; 0 for the kernel's own.

    Raises:
        HostError, Conflict, Forbidden: no address or subnet is free, in docker's words.
    """
    network = wanted.network
    leases = book.networks.get(network.id)
    if leases is None:
        plan = plan_of(network, active_subnets(book), avoid)
        leases = Leases(msgspec.structs.replace(plan, mtu=plan.mtu or mtu))
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
        relayed=relayed,
    )
    return book.with_leases(leases.with_lease(id, lease))


def place_of(book: Book, network: str, id: str) -> NetworkState:
    """A container's place in a network, as the store keeps it."""
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


def without_dead(file: BookFile, book: Book) -> Book:
    """Give back the leases whose container is gone without anybody noticing (its store may be gone as well)."""
    for leases in list(book.networks.values()):
        for id, lease in leases.leases.items():
            if not alive(lease.holder, lease.holder_start):
                if not lease.whole:
                    wait_for_orphans()
                book = give_back(file, book, id)
    return book


def give_back(file: BookFile, book: Book, id: str) -> Book:
    """End a container's leases when its network namespace is gone."""
    for network in book.of(id):
        leases = book.networks[network]
        if len(leases.leases) == 1 and not leases.plan.dns:
            # The last one's rules go with the network's, in one go: netavark takes longer than all the rest.
            stop_relay(leases.leases[id].relay)
            book = _without(file, book, network, id)
            continue
        # The links went with the container's namespace. netavark removes the rules first and then misses the link,
        # which it says; removing rules is all it is asked for.
        empty = empty_network()
        try:
            book = take_down(file, book, network, id, empty)
        finally:
            os.close(empty)
    return book


def take_down(file: BookFile, book: Book, network: str, id: str, netns: int) -> Book:
    """Have netavark take away a container's link and rules."""
    leases = book.networks[network]
    stop_relay(leases.leases[id].relay)
    order("teardown", netns, id, leases.plan, leases.leases[id], file.dns_directory).wait()
    return _without(file, book, network, id)


def _without(file: BookFile, book: Book, network: str, id: str) -> Book:
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
        last = not any(each.plan.dns for each in book.networks.values())
        forget_network(file.dns_directory, plan.key, last=last)
    return guarded(file, book)


def guarded(file: BookFile, book: Book) -> Book:
    """See to the rules between networks; the book that is kept knows of them before they are there."""
    plans = [each.plan for each in book.networks.values()]
    four, six = guard.needed(plans), guard.needed(plans, six=True)
    if not four and not six and not book.guarded and not book.guarded6:
        return book
    file.save(Book(book.networks, book.guarded or four, book.guarded6 or six))
    if four or book.guarded:
        guard.keep_apart(plans)
    if six or book.guarded6:
        guard.keep_apart(plans, six=True)
    return Book(book.networks, four, six)


def check(running: Spawned) -> None:
    """Wait for netavark.

    Raises:
        HostError: it failed.
    """
    done = running.wait()
    if done.code != 0:
        raise HostError(f"failed to set up the network: {complaint(done.stdout, done.stderr)}")
