"""The bridge: published ports, addresses, links, and nothing left of them."""

from __future__ import annotations

import socket
import subprocess
import urllib.error
import urllib.request

import pytest
from tests.support import free_port, need, wait_until
from tests.support.pallet import PalletCLI

_HTTPD = ("box", "httpd", "-f", "-p", "80", "-h", "/www")


@pytest.fixture(autouse=True)
def _needs_netavark() -> None:
    need("netavark")


def _page(port: int, host: str = "127.0.0.1") -> str:
    try:
        with urllib.request.urlopen(f"http://{host}:{port}/", timeout=3) as answer:
            text: str = answer.read().decode()
            return text
    except (OSError, urllib.error.URLError):
        return ""


def _traces() -> list[str]:
    """What the bridge leaves in this network namespace."""
    rules = subprocess.run(["iptables-save"], check=True, capture_output=True, text=True).stdout
    links = [name for _, name in socket.if_nameindex() if name.startswith(("veth", "pallet"))]
    return [line for line in rules.splitlines() if "NETAVARK" in line] + links


def test_a_published_port_is_reachable(box: PalletCLI) -> None:
    port = free_port()
    box.ok("run", "-d", "--name", "web", "-p", f"{port}:80", *_HTTPD)
    wait_until(lambda: _page(port) != "", "the page is there")
    ip = box.ok("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "web")
    assert _page(80, ip) == _page(port)
    assert box.ok("ps", "--format", "{{.Ports}}") == f"0.0.0.0:{port}->80/tcp, :::{port}->80/tcp"
    assert _page(port, "[::1]") == _page(port)
    # Another container reaches it by its address and by a link's name.
    fetched = box.ok("run", "--rm", "--link", "web:w", "box", "wget", "-q", "-O", "-", "http://w/")
    assert fetched == _page(port).strip()
    box.ok("rm", "-f", "web")
    wait_until(lambda: _traces() == [], "nothing is left")
    assert _page(port) == ""


def test_a_port_in_use_is_refused_in_dockers_words(box: PalletCLI) -> None:
    port = free_port()
    box.ok("run", "-d", "--name", "one", "-p", f"{port}:80", *_HTTPD)
    done = box("run", "-d", "--name", "two", "-p", f"{port}:80", *_HTTPD)
    assert done.code == 125
    assert "driver failed programming external connectivity on endpoint two (" in done.stderr
    assert done.stderr.endswith(f"): Bind for 0.0.0.0:{port} failed: port is already allocated.\n")
    assert box.ok("ps", "-a", "--filter", "name=two", "--format", "{{.Status}}") == "Created"
    box.ok("rm", "-f", "one")
    assert box.ok("start", "two") == "two"
    wait_until(lambda: _page(port) != "", "the page is there")
    box.ok("rm", "-f", "two")
    wait_until(lambda: _traces() == [], "nothing is left")


def test_random_ports_and_addresses(box: PalletCLI) -> None:
    first = box.ok("run", "-d", "-p", "80", "-p", "127.0.0.1::81/udp", *_HTTPD)
    second = box.ok("run", "-d", "--expose", "80", "-P", *_HTTPD)
    template = '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}} {{.NetworkSettings.IPAddress}}'
    ports, addresses = zip(*(box.ok("inspect", "-f", template, id).split() for id in (first, second)), strict=True)
    assert len(set(ports)) == len(set(addresses)) == 2
    for port in ports:
        wait_until(lambda port=port: _page(int(port)) != "", "the page is there")
    box.ok("rm", "-f", first, second)
    wait_until(lambda: _traces() == [], "nothing is left")


def test_host_and_no_network(box: PalletCLI) -> None:
    names = {name for _, name in socket.if_nameindex()}
    assert set(box.ok("run", "--rm", "--network", "host", "box", "ls", "/sys/class/net").split()) == names
    assert box.ok("run", "--rm", "--network", "none", "box", "ls", "/sys/class/net") == "lo"
    done = box("run", "--network", "foo", "box", "true")
    assert (done.stderr, done.code) == ("pallet: Error response from daemon: network foo not found.\n", 125)
