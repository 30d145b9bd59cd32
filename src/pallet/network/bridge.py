"""The default bridge: an address for a container, its link and rules by netavark, and their end.

Source: netavark(1); the JSON is what podman hands it (netavark, src/network/types.rs).
"""

from __future__ import annotations

import os

import msgspec

from pallet.errors import HostError, InvalidInput
from pallet.host import mounts
from pallet.host.locks import FileLock, lock
from pallet.host.process import alive, start_time
from pallet.host.spawn import Spawned, find_program
from pallet.network import leases as book
from pallet.network.leases import Lease, Leases
from pallet.network.reserve import Reserved
from pallet.network.rules import remove_link, remove_network_rules
from pallet.store.container_record import NetworkState, PortBinding

LINK = "pallet0"
NAME = "bridge"
_ID = "0b" * 32  # netavark wants an id of 64 digits; the default network is always the same one
_PLACES = ("/usr/lib/podman/netavark", "/usr/libexec/podman/netavark", "netavark")


class Connection:
    """A container's place on the bridge, in the making; a context that undoes it unless `finish` succeeded.

    Entering takes the bridge's lock, an address and the ports; the lock is held until the end, since netavark's orders
    must not overlap.

    Args:
        id: the container's id.
        name: its name.
        ports: what it publishes.

    Raises:
        HostError: no address or port is free, in docker's words; netavark is missing.
    """

    def __init__(self, id: str, name: str, ports: tuple[PortBinding, ...]) -> None:
        self._id = id
        self._name = name
        self._program = find_netavark()
        self._running: Spawned | None = None
        self._finished = False
        self.reserved = Reserved()
        self._lock: FileLock | None = _locked()
        try:
            book_now = _without_dead(book.load())
            if not book_now.subnet:
                book_now = Leases(book.choose_subnet())
            # A lease of an earlier run that nobody gave back.
            book_now = _give_back(book_now, id) if id in book_now.leases else book_now
            taken = {
                (port.container.partition("/")[2], port.host_port)
                for lease in book_now.leases.values()
                for port in lease.ports
            }
            for port in ports:
                if ":" in port.host_ip:
                    raise InvalidInput(f"cannot publish on {port.host_ip}: the bridge has no IPv6")
                self.reserved.take(port, taken)
            self.lease = Lease(book_now.free_address(), os.getpid(), start_time(os.getpid()), self.reserved.ports)
            self.book = book_now.with_lease(id, self.lease) if book_now.subnet else book_now
            book.save(self.book)
        except BaseException:
            self.close()
            raise

    @property
    def state(self) -> NetworkState:
        """The place as the store keeps it."""
        return NetworkState(
            self.lease.ip, self.book.prefix, self.book.gateway, mac_of(self.lease.ip), self.reserved.ports
        )

    def begin(self, netns: int) -> None:
        """Let netavark make the link and the rules; it works on while the caller goes on.

        Args:
            netns: the container's network namespace, open.
        """
        words = _request(self._id, self._name, self.book.subnet, self.book.gateway, self.lease)
        self._running = _order(self._program, "setup", netns, words)

    def finish(self) -> None:
        """Wait for netavark.

        Raises:
            HostError: it failed.
        """
        if self._running is None:
            return
        done, self._running = self._running.wait(), None
        if done.code != 0:
            raise HostError(f"failed to set up the network: {_complaint(done.stdout, done.stderr)}")
        self._finished = True

    def hold(self, pid: int, start: int) -> None:
        """Bind the lease to the container's own process."""
        self.book = self.book.with_lease(self._id, Lease(self.lease.ip, pid, start, self.lease.ports))
        book.save(self.book)

    def close(self) -> None:
        """Let go of the lock and the sockets; without `finish`, of the place as well."""
        if self._running is not None:
            self._running.wait()
            self._running = None
        if not self._finished and hasattr(self, "book"):
            book.save(_give_back(self.book, self._id))
        self._finished = True
        self.reserved.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def disconnect(id: str) -> None:
    """Take a container off the bridge: its rules and its address. It may be gone already, with its namespace."""
    if not os.path.isdir(book.DIRECTORY):
        return
    with _locked():
        now = book.load()
        if id in now.leases:
            book.save(_give_back(_without_dead(now), id))


def find_netavark() -> str:
    """The path of netavark.

    Raises:
        HostError: it is not installed.
    """
    for place in _PLACES:
        path = find_program(place)
        if path is not None:
            return path
    raise HostError("netavark not found", hint="install netavark, or use --network host or none")


def mac_of(ip: str) -> str:
    """The hardware address that docker gives a container with this address."""
    return "02:42:" + ":".join(f"{int(part):02x}" for part in ip.split("."))


def _locked() -> FileLock:
    return lock(f"{book.DIRECTORY}/lock")


def _without_dead(now: Leases) -> Leases:
    """Give back the leases whose container is gone without anybody noticing (its store may be gone as well)."""
    for id, lease in list(now.leases.items()):
        if not alive(lease.holder, lease.holder_start):
            now = _give_back(now, id)
    return now


def _give_back(now: Leases, id: str) -> Leases:
    lease = now.leases.get(id)
    if lease is None:
        return now
    # The link went with the container's namespace. netavark removes the rules first and then misses the link, which
    # it says; removing rules is all it is asked for.
    empty = _empty_network()
    try:
        _order(find_netavark(), "teardown", empty, _request(id, id[:12], now.subnet, now.gateway, lease)).wait()
    finally:
        os.close(empty)
    left = now.without(id)
    if left.leases:
        return left
    remove_network_rules(now.subnet, NAME)
    remove_link(LINK)
    return Leases()


def _empty_network() -> int:
    """A network namespace of nobody's, open."""
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        mounts.unshare(mounts.CLONE_NEWNET)
        try:
            return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        finally:
            mounts.setns(own, mounts.CLONE_NEWNET)
    finally:
        os.close(own)


def _order(program: str, verb: str, netns: int, request: bytes) -> Spawned:
    # The rules are looked for and removed as iptables has them, so netavark must not choose another way.
    env = {**os.environ, "NETAVARK_FW": "iptables"}
    return Spawned([program, verb, f"/proc/self/fd/{netns}"], stdin=request, fds=(netns,), env=env)


def _request(id: str, name: str, subnet: str, gateway: str, lease: Lease) -> bytes:
    mappings = []
    for port in lease.ports:
        number, _, protocol = port.container.partition("/")
        mappings.append(
            {
                "container_port": int(number),
                "host_port": int(port.host_port),
                "host_ip": "" if port.host_ip == "0.0.0.0" else port.host_ip,
                "protocol": protocol,
                "range": 1,
            }
        )
    return msgspec.json.encode(
        {
            "container_id": id,
            "container_name": name,
            "port_mappings": mappings,
            "networks": {NAME: {"static_ips": [lease.ip], "interface_name": "eth0", "static_mac": mac_of(lease.ip)}},
            "network_info": {
                NAME: {
                    "name": NAME,
                    "id": _ID,
                    "driver": "bridge",
                    "network_interface": LINK,
                    "subnets": [{"subnet": subnet, "gateway": gateway}],
                    "ipv6_enabled": False,
                    "internal": False,
                    "dns_enabled": False,
                    "ipam_options": {"driver": "host-local"},
                }
            },
        }
    )


def _complaint(stdout: bytes, stderr: bytes) -> str:
    try:
        said = msgspec.json.decode(stdout, type=dict[str, object]).get("error")
    except msgspec.DecodeError:
        said = None
    return str(said or stderr.decode(errors="replace").strip() or "no reason given")
