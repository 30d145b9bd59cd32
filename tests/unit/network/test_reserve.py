"""Host ports that are taken."""

from __future__ import annotations

import socket

import pytest

from pallet.errors import HostError
from pallet.network.reserve import Reserved, has_ipv6
from pallet.store.container_record import PortBinding


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        return str(probe.getsockname()[1])


def test_a_port_is_taken_on_both_families() -> None:
    port = _free_port()
    with Reserved() as reserved:
        reserved.take(PortBinding("80/tcp", "", port), set())
        addresses = ["0.0.0.0", "::"] if has_ipv6() else ["0.0.0.0"]
        assert [(each.host_ip, each.host_port) for each in reserved.ports] == [(ip, port) for ip in addresses]
        assert len(reserved.fds) == 1
        assert [container for _, container in reserved.relayed] == ["80/tcp"] * (len(addresses) - 1)
        with Reserved() as other, pytest.raises(HostError, match=r"^Error starting userland proxy: listen tcp4"):
            other.take(PortBinding("80/tcp", "127.0.0.1", port), set())
        with Reserved() as other, pytest.raises(HostError, match=rf"^Bind for 0.0.0.0:{port} failed: port is already"):
            other.take(PortBinding("80/tcp", "", port), {("tcp", "0.0.0.0", port)})


def test_a_relay_may_be_given_all_there_is() -> None:
    with Reserved(relayed=(socket.SOCK_STREAM,)) as reserved:
        reserved.take(PortBinding("80/tcp", "127.0.0.1", _free_port()), set())
        reserved.take(PortBinding("53/udp", "127.0.0.1"), set())
        assert [container for _, container in reserved.relayed] == ["80/tcp"]
        assert len(reserved.fds) == 1


def test_any_free_port_is_the_same_on_both_families() -> None:
    with Reserved() as reserved:
        reserved.take(PortBinding("53/udp"), set())
        assert len({each.host_port for each in reserved.ports}) == 1


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
def test_an_address_of_ipv6_is_held_by_no_conmon() -> None:
    with Reserved() as reserved:
        reserved.take(PortBinding("80/tcp", "::1", _free_port()), set())
        assert reserved.fds == ()
        assert len(reserved.relayed) == 1
