"""The network of a user's containers: out through slirp4netns, in through published ports."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.support import free_port, need, wait_until
from tests.support.unprivileged import User

from pallet.host import mounts
from pallet.network.reserve import has_ipv6

need("slirp4netns")
if not Path("/dev/net/tun").exists():
    pytest.skip("this kernel has no /dev/net/tun", allow_module_level=True)


def _page(port: int, address: str = "127.0.0.1") -> bytes:
    """The page of a container's server, which may not have begun to listen: whoever listens for it hangs up then."""
    end = time.monotonic() + 5
    while True:
        connection = http.client.HTTPConnection(address, port, timeout=10)
        try:
            connection.request("GET", "/index.html")
            return connection.getresponse().read()
        except ConnectionResetError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
        finally:
            connection.close()


def test_published_ports_and_a_restart(user: User) -> None:
    port, other = free_port(), free_port()
    words = ["run", "-d", "--name", "web", "-p", f"{port}:80", "-p", f"127.0.0.1:{other}:53/udp", "box"]
    user.ok(*words, "httpd", "-f", "-p", "80", "-h", "/www")
    assert b"<html>" in _page(port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rival, pytest.raises(OSError, match="in use"):
        rival.bind(("127.0.0.1", other))
    assert f"0.0.0.0:{port}" in user.ok("port", "web", "80")
    assert user.ok("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "web") == "10.0.2.100"
    taken = user.pallet("run", "--rm", "-p", f"{port}:80", "box", "true")
    assert taken.code == 125
    assert f"listen tcp4 0.0.0.0:{port}: bind: address already in use" in taken.stderr
    user.ok("restart", "-t", "0", "web")
    assert b"<html>" in _page(port)
    if has_ipv6():
        assert b"<html>" in _page(port, "::1")
    user.ok("rm", "-f", "web")
    wait_until(lambda: not user.processes(), "slirp4netns has ended")
    with pytest.raises(ConnectionRefusedError):
        _page(port)


def test_all_ends_with_conmon(user: User) -> None:
    port = free_port()
    user.ok("run", "-d", "--name", "web", "-p", f"{port}:80", "box", "httpd", "-f", "-p", "80", "-h", "/www")
    pid = int(user.ok("inspect", "-f", "{{.State.Pid}}", "web"))
    conmon = next(each for each in user.processes() if Path(f"/proc/{each}/comm").read_text() == "conmon\n")
    for each in (conmon, pid):
        os.kill(each, signal.SIGKILL)
    wait_until(lambda: not user.processes(), "nothing of it runs")
    assert user.ok("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "web") == "exited 255"
    user.ok("start", "web")
    assert b"<html>" in _page(port)
    user.ok("rm", "-f", "web")


def test_the_way_out(user: User) -> None:
    out = user.ok("run", "--rm", "box", "ip", "route")
    assert "default via 10.0.2.2 dev tap0" in out
    pool = "{{range .IPAM.Config}}{{.Subnet}} {{.Gateway}}{{end}}"
    assert user.ok("network", "inspect", "-f", pool, "bridge") == "10.0.2.0/24 10.0.2.2"


def test_low_ports_are_refused_in_dockers_words(user: User) -> None:
    done = user.pallet("run", "--rm", "-p", "80:80", "box", "true")
    assert done.code == 126  # docker's for what is not permitted
    assert "cannot expose privileged port 80, you can add 'net.ipv4.ip_unprivileged_port_start=80'" in done.stderr


def test_a_datagram_and_its_answer(user: User) -> None:
    port = free_port()
    user.ok("run", "-d", "--name", "echo", "-p", f"127.0.0.1:{port}:53/udp", "box", "sleep", "1000")
    pid = int(user.ok("inspect", "-f", "{{.State.Pid}}", "echo"))
    with _bound_inside(pid, 53) as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        server.settimeout(5)
        client.settimeout(5)
        client.sendto(b"question", ("127.0.0.1", port))
        said, sender = server.recvfrom(100)
        server.sendto(said + b" and answer", sender)
        assert client.recvfrom(100) == (b"question and answer", ("127.0.0.1", port))
        assert sender[0] == "10.0.2.100"  # from the relay, which is in the container's network
    user.ok("rm", "-f", "echo")


def _bound_inside(pid: int, port: int) -> socket.socket:
    """A UDP socket in the network namespace of a process; a thread makes it, which ends."""

    def bind() -> socket.socket:
        with open(f"/proc/{pid}/ns/net") as namespace:
            mounts.setns(namespace.fileno(), mounts.CLONE_NEWNET)
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(("0.0.0.0", port))
        return made

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(bind).result()


def test_links_are_refused(user: User) -> None:
    user.ok("run", "-d", "--name", "other", "--network", "none", "box", "sleep", "1000")
    done = user.pallet("run", "--rm", "--link", "other:o", "box", "true")
    assert done.code == 125
    assert "--link needs the default bridge, which there is none of without privileges: use a network" in done.stderr
    user.ok("rm", "-f", "other")


def test_run_in_a_build_has_a_network(user: User) -> None:
    context = user.home / "online"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM box\nRUN ip addr show tap0 >/link\n")
    user.ok("build", "-t", "online", str(context))
    assert "10.0.2.100/24" in user.ok("run", "--rm", "--network", "none", "online", "cat", "/link")
    user.ok("rmi", "online")
    user.ok("system", "prune", "-f")
    wait_until(lambda: not user.processes(), "slirp4netns has ended")
