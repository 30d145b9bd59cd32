"""The networks of a user without privileges: the default one, by a slirp4netns of each container's, and its own ones.

Those are bridges in a network namespace that their containers share (`sharednet`), made there by what makes root's.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pallet.network.bookfile import BookFile
from pallet.network.bridge import Bridges, containers_of
from pallet.network.leases import Plan
from pallet.network.places import Places
from pallet.network.plans import Wanted
from pallet.network.relays import start_relay, stop_relay
from pallet.network.sharedconnection import JointPlaces, SharedConnection
from pallet.network.sharednet import SharedNetwork
from pallet.network.uplink import GATEWAY, MTU, SUBNET
from pallet.network.usermode import UserConnection, join_default, leave_default
from pallet.store.container_record import NetworkState, PortBinding
from pallet.store.networks import BRIDGE


class UserBridges(Bridges):
    """As root's, for a user without privileges.

    Args:
        run_dir: the run directory whose containers share a network namespace.
    """

    def __init__(self, run_dir: str) -> None:
        super().__init__(BookFile(f"{run_dir}/network", "leases"), mtu=MTU)
        self._run_dir = run_dir

    def connect(
        self, id: str, wanted: Sequence[Wanted], ports: Sequence[PortBinding] = (), avoid: Sequence[str] = ()
    ) -> Places:
        """Find a container that starts its places; arguments and errors as `Bridges.connect`."""
        own = [each for each in wanted if each.network.id != BRIDGE.id]
        directory = f"{self._run_dir}/{id}"
        if not own:
            return UserConnection(directory, ports)
        by_default = wanted[0].network.id == BRIDGE.id
        shared = SharedConnection(
            self._shared(),
            self._file,
            id,
            own,
            () if by_default else ports,
            avoid,
            first=1 if by_default else 0,
            mtu=self._mtu,
        )
        if len(own) == len(wanted):
            return shared
        try:
            default = UserConnection(directory, ports if by_default else ())
        except BaseException:
            shared.close()
            raise
        return JointPlaces((default, shared) if by_default else (shared, default))

    def join(
        self, id: str, process: tuple[int, int], wanted: Wanted, number: int, avoid: Sequence[str]
    ) -> NetworkState:
        """Give a running container a place in one more network; arguments and errors as `Bridges.join`."""
        if wanted.network.id == BRIDGE.id:
            return join_default(f"{self._run_dir}/{id}", process[0])
        with self._shared() as shared:
            shared.ensure()
            shared.finish()
            # Its conmon may have been started without the namespace: then another process holds it for the container.
            relay = (0, 0)
            if not shared.is_held(by=id):
                relay = start_relay(process[0], "", (), kept=shared.kept)
            try:
                place = shared.run(lambda: super(UserBridges, self).join(id, process, wanted, number, avoid))
            except BaseException:
                stop_relay(relay)
                raise
            with self._file.lock():
                book = self._file.load()
                leases = book.networks[wanted.network.id]
                held = msgspec.structs.replace(leases.leases[id], relay=relay)
                self._file.save(book.with_leases(leases.with_lease(id, held)))
        return place

    def leave(self, id: str, pid: int, network: str) -> None:
        """Take a running container out of a network; arguments as `Bridges.leave`."""
        if network == BRIDGE.id:
            leave_default(f"{self._run_dir}/{id}")
            return
        with self._shared() as shared:
            if shared.find():
                shared.run(lambda: super(UserBridges, self).leave(id, pid, network))

    def disconnect(self, id: str) -> None:
        """Take a container that has ended out of all its networks; with the last one the namespace goes, as it is."""
        if not self._file.writable or not self._file.load().of(id):
            return
        with self._shared() as shared:
            if shared.is_held(but=id) and shared.find():
                shared.run(lambda: super(UserBridges, self).disconnect(id))
            else:
                shared.forget()

    def clean_up(self) -> list[str]:
        """Give back what dead containers still have; the ids of those."""
        if not self._file.writable:
            return []
        with self._shared() as shared:
            if shared.find():
                return shared.run(super().clean_up)
            left = containers_of(self._file.load())
            shared.forget()
            return sorted(left)

    def active_plan(self, network: str) -> Plan | None:
        """How a network is in the kernel right now; None if it has no containers."""
        if network == BRIDGE.id:
            return Plan(BRIDGE.id, BRIDGE.name, "", SUBNET, GATEWAY)
        return super().active_plan(network)

    def subnets_in_use(self) -> list[str]:
        """The subnets of all networks that have containers, and of the default one."""
        return [SUBNET, *super().subnets_in_use()]

    def _shared(self) -> SharedNetwork:
        return SharedNetwork(self._run_dir, self._file)
