"""The process that passes connections on."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from pallet.host.process import start_time
from pallet.network.relays import start_relay, stop_relay

_SIZE = 3_000_000


@pytest.fixture
def waiting() -> Iterator[subprocess.Popen[bytes]]:
    """A process whose end is the relay's."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def _echo(listener: socket.socket, times: int) -> None:
    # As often as asked for: a thread that still waits after the test would wait at the next one's socket.
    for _ in range(times):
        near, _ = listener.accept()
        with near:
            data = b""
            while block := near.recv(1 << 16):
                data += block
            near.sendall(data)


def test_streams_pass_whole_and_end(waiting: subprocess.Popen[bytes]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as target, socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_echo, args=(target, 2), daemon=True).start()
        port, entry = target.getsockname()[1], listener.getsockname()
        relay = start_relay(waiting.pid, "127.0.0.1", [(listener.fileno(), f"{port}/tcp")])
        listener.close()
        sent = os.urandom(_SIZE)
        for _ in range(2):
            with socket.create_connection(entry, timeout=30) as client:
                writer = threading.Thread(target=lambda client=client: (client.sendall(sent), client.shutdown(1)))
                writer.start()
                back = b""
                while block := client.recv(1 << 16):
                    back += block
                writer.join()
            assert back == sent
        descriptor = os.pidfd_open(relay[0])
        waiting.kill()
        waiting.wait()
        _ended(descriptor)
        assert start_time(relay[0]) == 0
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(entry, timeout=2)


def test_nobody_listens_in_the_container(waiting: subprocess.Popen[bytes]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay = start_relay(waiting.pid, "127.0.0.1", [(listener.fileno(), f"{port}/tcp")])
        with (
            socket.create_connection(listener.getsockname(), timeout=30) as client,
            contextlib.suppress(ConnectionResetError),
        ):
            assert client.recv(1) == b""
        descriptor = os.pidfd_open(relay[0])
        stop_relay(relay)
        _ended(descriptor)


def test_datagrams_find_their_way_back(waiting: subprocess.Popen[bytes]) -> None:
    with (
        socket.socket(type=socket.SOCK_DGRAM) as target,
        socket.socket(type=socket.SOCK_DGRAM) as listener,
        socket.socket(type=socket.SOCK_DGRAM) as client,
    ):
        for each in (target, listener, client):
            each.bind(("127.0.0.1", 0))
            each.settimeout(30)
        relay = start_relay(waiting.pid, "127.0.0.1", [(listener.fileno(), f"{target.getsockname()[1]}/udp")])
        for text in (b"one", b"two"):
            client.sendto(text, listener.getsockname())
            data, sender = target.recvfrom(100)
            target.sendto(data.upper(), sender)
            assert client.recvfrom(100) == (text.upper(), listener.getsockname())
        descriptor = os.pidfd_open(relay[0])
        stop_relay(relay)
        _ended(descriptor)


def _ended(descriptor: int) -> None:
    import select

    ready, _, _ = select.select([descriptor], [], [], 30)
    os.close(descriptor)
    assert ready
