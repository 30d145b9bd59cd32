"""Networks of the user's: names, addresses, joining and leaving while containers run, and nothing left of them."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.containers.test_network import _HTTPD, _page
from tests.support import free_port, need, wait_until
from tests.support.leaks import processes_naming
from tests.support.pallet import PalletCLI

_BOOK = Path("/run/pallet/network")


@pytest.fixture(autouse=True)
def _needs() -> None:
    need("netavark")
    need("aardvark-dns")


def _traces() -> list[str]:
    """What networks leave in this network namespace, and among processes and files."""
    rules = subprocess.run(["iptables-save"], check=True, capture_output=True, text=True).stdout
    found = [line for line in rules.splitlines() if "NETAVARK" in line or "PALLET" in line]
    found += [name for _, name in socket.if_nameindex() if name.startswith(("veth", "pallet", "br-", "own"))]
    own = str(os.stat("/proc/self/ns/net").st_ino)
    found += [path.name for path in _BOOK.iterdir() if path.name.startswith(own)] if _BOOK.exists() else []
    found += processes_naming(f"{own}.dns").values()
    return found


def _gone() -> bool:
    return _traces() == []


def _sleeper(box: PalletCLI, name: str, *flags: str) -> str:
    return box.ok("run", "-d", "--name", name, *flags, "box", "sleep", "1000")


def _reaches(box: PalletCLI, name: str, target: str) -> bool:
    return box("exec", name, "ping", "-c1", "-W1", target).code == 0


def _reached(box: PalletCLI, name: str, target: str) -> None:
    """The resolver learns of names and answers in its own time."""
    wait_until(lambda: _reaches(box, name, target), f"{name} reaches {target}")


def _forgotten(box: PalletCLI, name: str, target: str) -> None:
    wait_until(lambda: not _reaches(box, name, target), f"{name} reaches {target} no more")


def test_containers_find_each_other_by_name(box: PalletCLI) -> None:
    box.ok("network", "create", "net")
    _sleeper(box, "one", "--network", "net", "--network-alias", "first", "--network-alias", "number-one")
    _sleeper(box, "two", "--network", "net")
    id = box.ok("inspect", "-f", "{{.Id}}", "one")
    for name in ("one", "first", "number-one", id[:12]):
        _reached(box, "two", name)
    _reached(box, "one", "two")
    assert not _reaches(box, "one", "nosuch")
    box.ok("rename", "two", "zwei")
    _reached(box, "one", "zwei")
    _forgotten(box, "one", "two")
    box.ok("rename", "zwei", "two")
    _reached(box, "one", "two")
    box.ok("rm", "-f", "two")
    _forgotten(box, "one", "two")
    box.ok("rm", "-f", "one")
    box.ok("network", "rm", "net")
    wait_until(_gone, f"nothing is left, but for {_traces()}")


def test_the_default_bridge_knows_no_names(box: PalletCLI) -> None:
    _sleeper(box, "one")
    assert "nameserver 172" not in box.ok("run", "--rm", "box", "cat", "/etc/resolv.conf")
    assert box("run", "--rm", "box", "ping", "-c1", "-W1", "one").code != 0
    box.ok("rm", "-f", "one")
    wait_until(_gone, "nothing is left")


def test_networks_are_kept_apart(box: PalletCLI) -> None:
    box.ok("network", "create", "left")
    box.ok("network", "create", "right")
    _sleeper(box, "one", "--network", "left")
    _sleeper(box, "two", "--network", "right")
    _sleeper(box, "three")
    address = box.ok("inspect", "-f", "{{.NetworkSettings.Networks.right.IPAddress}}", "two")
    assert not _reaches(box, "one", "two")
    assert not _reaches(box, "one", address)
    assert not _reaches(box, "three", address)
    box.ok("network", "connect", "left", "two")
    _reached(box, "one", "two")
    _reached(box, "two", "one")
    box.ok("rm", "-f", "one", "two", "three")
    assert box.ok("network", "prune", "-f").splitlines() == ["Deleted Networks:", "left", "right"]
    wait_until(_gone, "nothing is left")


def test_joining_and_leaving_while_it_runs(box: PalletCLI) -> None:
    box.ok("network", "create", "--subnet", "10.123.0.0/24", "side")
    _sleeper(box, "peer", "--network", "side")
    _sleeper(box, "main")
    default_route = box.ok("exec", "main", "ip", "route").splitlines()[0]
    box.ok("network", "connect", "--ip", "10.123.0.77", "--alias", "m", "side", "main")
    assert "10.123.0.77/24" in box.ok("exec", "main", "ip", "addr", "show", "eth1")
    assert box.ok("exec", "main", "ip", "route").splitlines()[0].split()[:5] == default_route.split()[:5]
    assert "10.123.0.77\t" in box.ok("exec", "main", "cat", "/etc/hosts")
    assert box.ok("exec", "main", "cat", "/etc/resolv.conf").startswith("nameserver 10.123.0.1\n")
    _reached(box, "peer", "m")
    _reached(box, "main", "peer")
    box.ok("network", "disconnect", "bridge", "main")
    assert "default via 10.123.0.1" in box.ok("exec", "main", "ip", "route")
    assert box.ok("ps", "--filter", "name=main", "--format", "{{.Networks}}") == "side"
    box.ok("restart", "-t", "0", "main")
    assert "10.123.0.77/24" in box.ok("exec", "main", "ip", "addr", "show", "eth0")
    box.ok("network", "disconnect", "side", "main")
    assert box.ok("exec", "main", "ls", "/sys/class/net") == "lo"
    _forgotten(box, "peer", "m")
    box.ok("rm", "-f", "main", "peer")
    wait_until(_gone, "nothing is left")


def test_an_internal_network_has_no_way_out(box: PalletCLI) -> None:
    box.ok("network", "create", "--internal", "inside")
    _sleeper(box, "one", "--network", "inside")
    _sleeper(box, "two", "--network", "inside")
    _reached(box, "one", "two")
    assert "default" not in box.ok("exec", "one", "ip", "route")
    box.ok("rm", "-f", "one", "two")
    wait_until(_gone, "nothing is left")


def test_published_ports_on_a_network_of_the_users(box: PalletCLI) -> None:
    box.ok("network", "create", "net")
    port = free_port()
    box.ok(
        "run", "-d", "--name", "web", "--network", "net", "-p", f"{port}:80", "-p", f"127.0.0.1:{port}:53/udp", *_HTTPD
    )
    wait_until(lambda: _page(port) != "", "the page is there")
    shown = box.ok("ps", "--format", "{{.Ports}}")
    assert shown == f"127.0.0.1:{port}->53/udp, 0.0.0.0:{port}->80/tcp, :::{port}->80/tcp"
    assert box.ok("port", "web", "80") == f"0.0.0.0:{port}\n:::{port}"
    assert _page(port, "[::1]") == _page(port)
    box.ok("network", "disconnect", "net", "web")
    assert _page(port) == _page(port, "[::1]") == ""
    box.ok("rm", "-f", "web")
    wait_until(_gone, "nothing is left")


def test_options_of_the_bridge(box: PalletCLI) -> None:
    options = ("-o", "com.docker.network.bridge.name=own0", "-o", "com.docker.network.driver.mtu=1300")
    box.ok("network", "create", *options, "net")
    _sleeper(box, "one", "--network", "net")
    assert "own0" in [name for _, name in socket.if_nameindex()]
    assert box.ok("exec", "one", "cat", "/sys/class/net/eth0/mtu") == "1300"
    box.ok("rm", "-f", "one")
    wait_until(_gone, "nothing is left")


def test_ranges_and_auxiliary_addresses(box: PalletCLI) -> None:
    box.ok("network", "create", "--subnet", "10.124.0.0/24", "--ip-range", "10.124.0.128/30",
           "--aux-address", "printer=10.124.0.129", "--gateway", "10.124.0.254", "net")  # fmt: skip
    found = [
        box.ok("run", "-d", "--name", name, "--network", "net", "box", "sleep", "1000") and
        box.ok("inspect", "-f", "{{.NetworkSettings.Networks.net.IPAddress}}", name)
        for name in ("one", "two")
    ]  # fmt: skip
    assert found == ["10.124.0.128", "10.124.0.130"]
    box.ok("run", "-d", "--network", "net", "box", "sleep", "1000")
    done = box("run", "--network", "net", "box", "true")
    assert done.code == 125
    assert "no available IPv4 addresses on this network's address pools: net (" in done.stderr


def test_killed_containers_leave_nothing_behind_a_prune(box: PalletCLI) -> None:
    box.ok("network", "create", "net")
    ids = [_sleeper(box, name, "--network", "net") for name in ("one", "two")]
    for id in ids:
        run = box.run_dir / id
        for file in ("conmon.pid", "pidfile"):
            os.kill(int((run / file).read_text()), signal.SIGKILL)
    wait_until(lambda: box.ok("ps", "-q") == "", "they are seen to have ended")
    box.ok("system", "prune", "-f")
    assert box.ok("network", "ls", "--filter", "type=custom", "-q") == ""
    wait_until(_gone, "nothing is left")


def test_a_store_that_was_deleted_leaves_nothing_behind_the_next_ones_prune(
    box: PalletCLI, make_pallet: Callable[..., PalletCLI]
) -> None:
    other = make_pallet()
    other.ok("load", "-i", _saved(box))
    other.ok("network", "create", "net")
    id = _sleeper(other, "one", "--network", "net")
    pids = [int((other.run_dir / id / file).read_text()) for file in ("conmon.pid", "pidfile")]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in pids), "they are gone")
    shutil.rmtree(other.root)
    shutil.rmtree(other.run_dir)
    box.ok("system", "prune", "-f")
    wait_until(_gone, "nothing is left")


def _saved(box: PalletCLI) -> str:
    path = box.home / "box.tar"
    box.ok("save", "-o", str(path), "box")
    return str(path)


def test_a_killed_connect_is_undone_by_the_next_command(box: PalletCLI) -> None:
    box.ok("network", "create", "net")
    _sleeper(box, "one")
    for delay in (0.05, 0.1, 0.15, 0.2, 0.3):
        process = box.start("network", "connect", "net", "one")
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        box("network", "disconnect", "net", "one")
        assert box("network", "connect", "net", "one").code == 0
        _reached(box, "one", "one")
        box.ok("network", "disconnect", "net", "one")
    box.ok("rm", "-f", "one")
    box.ok("network", "rm", "net")
    wait_until(_gone, f"nothing is left, but for {_traces()}")
