"""The default network of a container that has no privileges on the machine: its connections are slirp4netns's own.

Each container has a network namespace with one link, tap0, and a slirp4netns (`uplink`) that conmon holds. Networks of
the user's own share a namespace instead (`sharednet`).
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Sequence
from ipaddress import IPv4Network

from pallet.errors import HostError, InvalidInput
from pallet.host.process import alive
from pallet.network.namespaces import run_in_network
from pallet.network.relays import start_relay
from pallet.network.reserve import Reserved
from pallet.network.uplink import ADDRESS, GATEWAY, LINK, SUBNET, Uplink
from pallet.store.container_record import NetworkState, PortBinding
from pallet.store.networks import BRIDGE

_LOWEST = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
_PROCESSES = "uplink"  # the file with the processes of the network, in the container's run directory


class UserConnection:
    """A container's place in the default network, in the making; a context. The same steps as `bridge.Connection`.

    Args:
        directory: the container's run directory.
        ports: what it publishes.

    Raises:
        HostError: no port is free, in docker's words; slirp4netns is missing.
        InvalidInput: a port that cannot be published so.
    """

    def __init__(self, directory: str, ports: Sequence[PortBinding]) -> None:
        self._reserved = Reserved(relayed=(socket.SOCK_DGRAM,))
        self._uplink = Uplink(directory)
        try:
            for port in ports:
                check_port(port)
                self._reserved.take(port, set())
        except BaseException:
            self.close()
            raise
        self._directory = directory
        self._state = _place(self._reserved.ports)

    @property
    def state(self) -> NetworkState:
        """The place, as the store keeps it."""
        return self._state

    @property
    def places(self) -> dict[str, NetworkState]:
        """The place in each network, by the network's id."""
        return {BRIDGE.id: self._state}

    @property
    def kept(self) -> tuple[int, ...]:
        """What conmon has to hold open."""
        return (self._uplink.holder,)

    def begin(self, netns: int) -> None:
        """Let slirp4netns make the link while the caller goes on."""
        self._uplink.begin(netns)

    def finish(self) -> None:
        """Wait for it, and publish the ports.

        Raises:
            HostError: it failed.
        """
        self._uplink.finish()
        self._reserved.close_held()  # what was kept from others till now
        for port in self.state.ports:
            if port.container.endswith("/tcp") and ":" not in port.host_ip:
                self._uplink.publish(port)

    def hold(self, pid: int, start: int) -> None:
        """Start the relay for what slirp4netns cannot: IPv6, and datagrams, whose answers to this machine it drops.

        All else ends with conmon; the relay ends with the container's first process.

        Args:
            pid: the container's first process.
            start: its start time.

        Raises:
            HostError: it cannot be started.
        """
        processes = [self._uplink.process]
        if self._reserved.relayed:
            netns = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            try:
                relay = run_in_network(netns, lambda: start_relay(pid, ADDRESS, self._reserved.relayed))
            finally:
                os.close(netns)
            processes.append(relay)
        _note(self._directory, processes)

    def close(self) -> None:
        """Let go."""
        self._reserved.close()
        self._uplink.close()

    def __enter__(self) -> UserConnection:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def join_default(directory: str, pid: int) -> NetworkState:
    """Give a running container the default network. Another process than its conmon holds it, with the same end.

    Args:
        directory: the container's run directory.
        pid: its first process.

    Raises:
        HostError: slirp4netns is missing, or failed.
    """
    netns = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        with Uplink(directory) as uplink:
            uplink.begin(netns)
            uplink.finish()
            _note(directory, [uplink.process, start_relay(pid, "", (), kept=(uplink.holder,))])
    finally:
        os.close(netns)
    return _place(())


def leave_default(directory: str) -> None:
    """Take the default network from a running container: link and ports go with their processes.

    Args:
        directory: the container's run directory.
    """
    try:
        with open(f"{directory}/{_PROCESSES}") as file:
            processes = [(int(pid), int(start)) for pid, start in (line.split() for line in file)]
    except FileNotFoundError:
        return
    for pid, start in processes:
        if alive(pid, start):
            os.kill(pid, signal.SIGKILL)
    os.unlink(f"{directory}/{_PROCESSES}")


def _note(directory: str, processes: Sequence[tuple[int, int]]) -> None:
    with open(f"{directory}/{_PROCESSES}", "w") as file:
        file.writelines(f"{pid} {start}\n" for pid, start in processes)


def _place(ports: tuple[PortBinding, ...]) -> NetworkState:
    return NetworkState(ADDRESS, IPv4Network(SUBNET).prefixlen, GATEWAY, "", ports, LINK)


def check_port(port: PortBinding) -> None:
    """Check that a user without privileges can publish a port.

    Raises:
        HostError, InvalidInput: it cannot, and why.
    """
    protocol = port.container.partition("/")[2]
    if protocol not in ("tcp", "udp"):
        raise InvalidInput(f"cannot publish {port.container}: without privileges ports are tcp or udp")
    number = int(port.host_port.partition("-")[0] or 0)
    with open(_LOWEST) as file:
        lowest = int(file.read())
    if 0 < number < lowest:
        ip = port.host_ip or "0.0.0.0"
        version, where = ("6", f"[{ip}]:{number}") if ":" in ip else ("4", f"{ip}:{number}")
        advice = f"you can add 'net.ipv4.ip_unprivileged_port_start={number}' to /etc/sysctl.conf (currently {lowest})"
        raise HostError(
            f"Error starting userland proxy: cannot expose privileged port {number}, {advice}, or choose a larger port "
            f"number (>= {lowest}): listen {protocol}{version} {where}: bind: permission denied"
        )
