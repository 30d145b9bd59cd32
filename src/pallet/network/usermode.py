"""The network of a container that has no privileges on the machine: its connections are slirp4netns's own.

No bridge can be made then. Each container has a network namespace with one link, tap0; what goes out there a process
of the user's, slirp4netns, sends on in its own name, and it listens on the published ports. It lives as long as
somebody holds the writing end of a pipe: conmon, or a build.

Source: slirp4netns(1).
"""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections.abc import Sequence

import msgspec

from pallet.errors import HostError, InvalidInput
from pallet.host import mounts
from pallet.host.spawn import Spawned, find_program
from pallet.network.relays import start_relay
from pallet.network.reserve import Reserved
from pallet.store.container_record import NetworkState, PortBinding
from pallet.store.networks import BRIDGE

# The program's own defaults: the container and the way out.
ADDRESS = "10.0.2.100"
GATEWAY = "10.0.2.2"
_PREFIX = 24
_LINK = "tap0"
_SOCKET = "slirp.sock"
_PATIENCE = 10.0  # seconds
_LOWEST = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
# What the shell leaves behind is nobody's child; the socket's path is short, for it may be 107 bytes long.
_DETACH = 'cd "$1" && shift && "$@" </dev/null >slirp.log 2>&1 &'


class Uplink:
    """The process behind one network namespace; a context that lets go of it: it ends with its last holder.

    Args:
        directory: where its socket and log are.

    Raises:
        HostError: slirp4netns is not installed.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        program = find_program("slirp4netns")
        if program is None:
            raise HostError("slirp4netns not found", hint="install slirp4netns, or use --network host or none")
        self._program = program
        self._life, self.holder = os.pipe()
        self._ready = -1

    def begin(self, netns: int) -> None:
        """Start the process.

        Args:
            netns: the network namespace, open.
        """
        self._ready, ready = os.pipe()
        argv = [self._program, "--configure", "--mtu=65520", "--disable-host-loopback"]
        argv += [f"--exit-fd={self._life}", f"--ready-fd={ready}", f"--api-socket={_SOCKET}", "--netns-type=path"]
        argv += [f"/proc/{os.getpid()}/fd/{netns}", _LINK]
        try:
            words = ["/bin/sh", "-c", _DETACH, "sh", self._directory, *argv]
            Spawned(words, fds=(self._life, ready), alone=True).wait()
        finally:
            os.close(ready)

    def finish(self) -> None:
        """Wait until it works.

        Raises:
            HostError: it does not.
        """
        poll = select.poll()
        poll.register(self._ready, select.POLLIN)
        poll.poll(_PATIENCE * 1000)
        if os.read(self._ready, 1) != b"1":
            raise HostError(f"failed to set up the network: slirp4netns: {self._complaint()}")

    def publish(self, port: PortBinding) -> None:
        """Listen on a port of the host for one of the container's.

        Raises:
            HostError: it cannot.
        """
        number, _, protocol = port.container.partition("/")
        arguments = {
            "proto": protocol,
            "host_addr": port.host_ip or "0.0.0.0",
            "host_port": int(port.host_port),
            "guest_port": int(number),
        }
        answer = self._ask({"execute": "add_hostfwd", "arguments": arguments})
        if b'"error"' in answer:
            where = f"{port.host_ip or '0.0.0.0'}:{port.host_port}"
            raise HostError(f"Error starting userland proxy: listen {protocol}4 {where}: bind: address already in use")

    def _ask(self, order: dict[str, object]) -> bytes:
        directory = os.open(self._directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with socket.socket(socket.AF_UNIX) as control:
                control.settimeout(_PATIENCE)
                control.connect(f"/proc/self/fd/{directory}/{_SOCKET}")
                control.sendall(msgspec.json.encode(order))
                control.shutdown(socket.SHUT_WR)
                answer = b""
                while chunk := control.recv(4096):
                    answer += chunk
                return answer
        except OSError as error:
            raise HostError(f"slirp4netns does not answer: {error.strerror or error}") from error
        finally:
            os.close(directory)

    def _complaint(self) -> str:
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            try:
                with open(f"{self._directory}/slirp.log", errors="replace") as file:
                    lines = file.read().strip().splitlines()
            except FileNotFoundError:
                lines = []
            if lines:
                return lines[-1]
            time.sleep(0.01)
        return "no reason given"

    def close(self) -> None:
        """Let go of it."""
        for name in ("_life", "holder", "_ready"):
            fd = getattr(self, name)
            setattr(self, name, -1)
            if fd >= 0:
                os.close(fd)

    def __enter__(self) -> Uplink:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


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
        self._reserved = Reserved(relay_datagrams=True)
        self._uplink = Uplink(directory)
        try:
            for port in ports:
                _check(port)
                self._reserved.take(port, set())
        except BaseException:
            self.close()
            raise
        self._state = NetworkState(ADDRESS, _PREFIX, GATEWAY, "", self._reserved.ports, _LINK)

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
        if not self._reserved.relayed:
            return
        failures: list[OSError | HostError] = []
        # A thread goes into the container's network, and ends: who has gone there has no leave to come back.
        thread = threading.Thread(target=self._relay, args=(pid, failures))
        thread.start()
        thread.join()
        for failure in failures:
            raise HostError(f"failed to set up the network: {failure}") from failure

    def _relay(self, pid: int, failures: list[OSError | HostError]) -> None:
        try:
            netns = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            try:
                mounts.setns(netns, mounts.CLONE_NEWNET)
            finally:
                os.close(netns)
            start_relay(pid, ADDRESS, self._reserved.relayed)
        except (OSError, HostError) as error:
            failures.append(error)

    def close(self) -> None:
        """Let go."""
        self._reserved.close()
        self._uplink.close()

    def __enter__(self) -> UserConnection:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _check(port: PortBinding) -> None:
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
