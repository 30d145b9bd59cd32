"""slirp4netns: the way out of a network namespace of a user's without privileges.

What goes out there by the link tap0, it sends on in its own name, and it listens on the published ports. It lives as
long as somebody holds the writing end of a pipe.

Source: slirp4netns(1).
"""

from __future__ import annotations

import os
import select
import socket
import time

import msgspec

from pallet.errors import HostError
from pallet.host.process import start_time
from pallet.host.spawn import Spawned, find_program
from pallet.store.container_record import PortBinding

# The program's own defaults: the container, the way out, the resolver.
ADDRESS = "10.0.2.100"
GATEWAY = "10.0.2.2"
RESOLVER = "10.0.2.3"
SUBNET = "10.0.2.0/24"
LINK = "tap0"
MTU = 65520  # what it takes at once: the fewer packets, the faster
_SOCKET = "slirp.sock"
_PATIENCE = 10.0  # seconds
# What the shell leaves behind is nobody's child; the socket's path is short, for it may be 107 bytes long.
_DETACH = 'cd "$1" && shift && { "$@" </dev/null >slirp.log 2>&1 & echo $!; }'


class Uplink:
    """The process behind one network namespace; a context that lets go of it: it ends with its last holder.

    Args:
        directory: where its socket and log are.
        holder: the writing end of the pipe, to be closed with this; a pipe of its own if not given.

    Attributes:
        holder: the writing end.
        process: its pid and start time, once it has begun.

    Raises:
        HostError: slirp4netns is not installed.
    """

    def __init__(self, directory: str, holder: int = -1) -> None:
        self._directory = directory
        program = find_program("slirp4netns")
        if program is None:
            raise HostError("slirp4netns not found", hint="install slirp4netns, or use --network host or none")
        self._program = program
        self.process = (0, 0)
        self._ready = -1
        if holder >= 0:
            self._life, self.holder = os.open(f"/proc/self/fd/{holder}", os.O_RDONLY | os.O_CLOEXEC), holder
        else:
            self._life, self.holder = os.pipe()

    def begin(self, netns: int) -> None:
        """Start the process.

        Args:
            netns: the network namespace, open.
        """
        self._ready, ready = os.pipe()
        argv = [self._program, "--configure", f"--mtu={MTU}", "--disable-host-loopback"]
        argv += [f"--exit-fd={self._life}", f"--ready-fd={ready}", f"--api-socket={_SOCKET}", "--netns-type=path"]
        argv += [f"/proc/{os.getpid()}/fd/{netns}", LINK]
        try:
            words = ["/bin/sh", "-c", _DETACH, "sh", self._directory, *argv]
            done = Spawned(words, fds=(self._life, ready), alone=True, session=True).wait()
            pid = int(done.stdout)
            self.process = (pid, start_time(pid))
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
