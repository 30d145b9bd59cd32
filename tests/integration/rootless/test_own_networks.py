"""Networks of a user's own: bridges in a network namespace that its containers share, and that goes with them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.rootless.test_networks import _page
from tests.support import free_port, need, wait_until
from tests.support.unprivileged import User

need("slirp4netns")
need("netavark")
need("aardvark-dns")
if not Path("/dev/net/tun").exists():
    pytest.skip("this kernel has no /dev/net/tun", allow_module_level=True)

_HTTPD = ("box", "httpd", "-f", "-p", "80", "-h", "/www")
_SLEEP = ("box", "sleep", "1000")


@pytest.fixture(autouse=True)
def _nothing_is_left(user: User) -> Iterator[None]:
    yield
    wait_until(lambda: not _running(user), f"nothing is left, but for {_running(user)}")
    assert sorted(os.listdir(user.runtime_dir / "pallet" / "network")) == ["lock", "shared"]
    assert user.ok("network", "ls", "--filter", "type=custom", "-q") == ""


def _running(user: User) -> dict[int, str]:
    """The user's processes, but for those that only wait for their parent."""
    found = {}
    for pid in user.processes():
        try:
            if Path(f"/proc/{pid}/cmdline").read_bytes():
                found[pid] = Path(f"/proc/{pid}/comm").read_text().strip()
        except OSError:
            continue
    return found


def _named(user: User, name: str) -> list[int]:
    return [pid for pid, comm in _running(user).items() if comm == name]


def _reaches(user: User, name: str, target: str) -> bool:
    return user.pallet("exec", name, "ping", "-c1", "-W1", target).code == 0


def test_names_addresses_ports_and_the_way_out(user: User) -> None:
    port = free_port()
    user.ok("network", "create", "--subnet", "10.123.0.0/24", "net")
    user.ok("run", "-d", "--name", "one", "--network", "net", "--network-alias", "first", *_SLEEP)
    words = ("--network", "net", "--ip", "10.123.0.77", "-p", f"127.0.0.1:{port}:80")
    user.ok("run", "-d", "--name", "web", *words, *_HTTPD)
    assert _reaches(user, "web", "first")
    assert _reaches(user, "one", "web")
    assert _reaches(user, "one", "10.0.2.2"), "slirp4netns's own address, behind the bridge"
    assert "10.123.0.77/24" in user.ok("exec", "web", "ip", "addr", "show", "eth0")
    assert b"<html>" in _page(port)
    assert user.ok("port", "web", "80") == f"127.0.0.1:{port}"
    taken = user.pallet("run", "--rm", "--network", "net", "-p", f"127.0.0.1:{port}:80", "box", "true")
    assert taken.code == 125
    assert f"Bind for 127.0.0.1:{port} failed: port is already allocated" in taken.stderr
    pid = int(user.ok("inspect", "-f", "{{.State.Pid}}", "one"))
    assert not any("net:[" in os.readlink(each) for each in Path(f"/proc/{pid}/fd").iterdir()), "nothing leaks inside"
    busy = user.pallet("network", "rm", "net")
    assert "error while removing network: network net id" in busy.stderr
    user.ok("restart", "-t", "0", "web")
    assert b"<html>" in _page(port)
    user.ok("rm", "-f", "web")
    with pytest.raises(ConnectionRefusedError):
        _page(port)
    user.ok("rename", "one", "uno")
    assert user.ok("run", "--rm", "--network", "net", "box", "ping", "-c1", "uno").startswith("PING uno (10.123.0.2)")
    user.ok("rm", "-f", "uno")
    assert user.ok("network", "prune", "-f") == "Deleted Networks:\nnet"


def test_networks_are_joined_and_left_while_containers_run(user: User) -> None:
    user.ok("network", "create", "net")
    user.ok("network", "create", "--internal", "inside")
    user.ok("run", "-d", "--name", "main", *_SLEEP)
    user.ok("network", "connect", "--alias", "m", "net", "main")  # the first one in the namespace, held by a stand-in
    user.ok("run", "-d", "--name", "peer", "--network", "inside", *_SLEEP)
    assert not _reaches(user, "peer", "10.0.2.2"), "an internal network has no way out"
    address = user.ok("inspect", "-f", "{{.NetworkSettings.Networks.net.IPAddress}}", "main")
    assert not _reaches(user, "peer", address), "networks are kept apart"
    user.ok("network", "connect", "net", "peer")
    assert _reaches(user, "peer", "m")
    user.ok("network", "disconnect", "net", "main")
    user.ok("network", "disconnect", "bridge", "main")
    assert user.ok("exec", "main", "ls", "/sys/class/net") == "lo"
    user.ok("network", "connect", "bridge", "main")
    assert "default via 10.0.2.2 dev tap0" in user.ok("exec", "main", "ip", "route")
    user.ok("rm", "-f", "main", "peer")
    user.ok("network", "rm", "net", "inside")


def test_the_default_network_and_one_of_ones_own(user: User) -> None:
    port = free_port()
    user.ok("network", "create", "net")
    user.ok("create", "--name", "web", "-p", f"{port}:80", *_HTTPD)
    user.ok("network", "connect", "net", "web")
    user.ok("start", "web")
    assert b"<html>" in _page(port)
    names = "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}"
    assert user.ok("inspect", "-f", names, "web") == "bridge net "
    assert user.ok("run", "--rm", "--network", "net", "box", "wget", "-qO-", "http://web/index.html").count("<html>")
    user.ok("rm", "-f", "web")
    user.ok("network", "rm", "net")


def test_what_cannot_be_had_is_refused(user: User) -> None:
    masquerade = "com.docker.network.bridge.enable_ip_masquerade=false"
    refused = user.pallet("network", "create", "-o", masquerade, "net")
    assert f"without privileges containers have no addresses of their own outside: {masquerade}" in refused.stderr
    refused = user.pallet("network", "create", "--subnet", "10.0.2.128/25", "net")
    assert "Pool overlaps with other one on this address space" in refused.stderr, "slirp4netns's own addresses"


def test_the_way_out_comes_back_after_a_kill(user: User) -> None:
    user.ok("network", "create", "net")
    user.ok("run", "-d", "--name", "one", "--network", "net", *_SLEEP)
    (slirp,) = _named(user, "slirp4netns")
    assert os.getsid(slirp) != os.getsid(0), "signals for the command's group are not for it"
    os.kill(slirp, signal.SIGKILL)
    wait_until(lambda: not _named(user, "slirp4netns"), "it has ended")
    assert _reaches(user, "one", "one")
    user.ok("run", "--rm", "--network", "net", "box", "ping", "-c1", "-W1", "10.0.2.2")
    assert _reaches(user, "one", "10.0.2.2")
    user.ok("rm", "-f", "one")
    user.ok("network", "rm", "net")


def test_killed_containers_leave_nothing_behind_a_prune(user: User) -> None:
    user.ok("network", "create", "net")
    for name in ("one", "two"):
        user.ok("run", "-d", "--name", name, "--network", "net", "-p", "53/udp", *_SLEEP)
    for name in ("slirp4netns", "conmon", "sleep"):
        for pid in _named(user, name):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: set(_running(user).values()) <= {"aardvark-dns"}, "all but the resolver is gone")
    assert user.ok("run", "--rm", "--network", "net", "box", "ping", "-c1", "-W1", "10.0.2.2")
    assert user.ok("ps", "-q") == ""
    assert "net" in user.ok("system", "prune", "-f").splitlines()
