"""The network namespace that a user's containers share: what of it is values."""

from __future__ import annotations

from pathlib import Path

from pallet.network.sharednet import reachable_resolvers


def test_resolvers_on_loopback_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    path.write_text("# stub\nnameserver 127.0.0.53\nnameserver ::1\nnameserver 10.9.9.9\nsearch example.org\n")
    assert reachable_resolvers(str(path)).splitlines() == [
        "nameserver 10.0.2.3",
        "# stub",
        "nameserver 10.9.9.9",
        "search example.org",
    ]


def test_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    assert reachable_resolvers(str(path)) == ""
    path.write_text("nameserver 10.9.9.9\noptions ndots:2\n")
    assert reachable_resolvers(str(path)) == ""
