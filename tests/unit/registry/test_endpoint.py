"""From names to addresses: docker.io's real host, mirrors, locations, loopback, who may get credentials."""

from __future__ import annotations

from pathlib import Path

import pytest

from pallet.registry.configuration import Certificates, Configuration, Mirror, Rule
from pallet.registry.endpoint import Endpoint, Tls, endpoints, registry_endpoint
from pallet.registry.loopback import is_loopback


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("localhost:5000", True),
        ("127.0.0.1", True),
        ("127.1.2.3:80", True),
        ("[::1]:5000", True),
        ("[::1]", True),
        ("127.0.0.1.example", False),
        ("127.example", False),
        ("localhost.example:5000", False),
        ("128.0.0.1", False),
        ("127.0.0.256", False),
        ("[::2]:5000", False),
        ("", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def addresses(configuration: Configuration, domain: str, path: str) -> list[str]:
    found = endpoints(configuration, domain, path, "/nonexistent")
    return [f"{each.scheme or '?'}://{each.host}/v2/{each.repository}" for each in found]


HUB = Configuration(
    (
        Rule("docker.io", (Mirror("127.0.0.1:5000", "", "http"), Mirror("mirror.example", "path", "https"))),
        Rule("docker.io/own", (Mirror("mirror.example", "all", ""),)),
        Rule("moved.example", location=Mirror("new.example:8443", "old")),
        Rule("open.example", insecure=True),
        Rule("mirror.example", insecure=True),
    )
)


@pytest.mark.parametrize(
    ("configuration", "domain", "path", "expected"),
    [
        (Configuration(), "docker.io", "library/ubuntu", ["https://registry-1.docker.io/v2/library/ubuntu"]),
        (Configuration(), "quay.io", "a/b", ["https://quay.io/v2/a/b"]),
        (Configuration(), "localhost:5000", "a", ["?://localhost:5000/v2/a"]),
        (
            HUB,
            "docker.io",
            "library/ubuntu",
            [
                "http://127.0.0.1:5000/v2/library/ubuntu",
                "https://mirror.example/v2/path/library/ubuntu",
                "https://registry-1.docker.io/v2/library/ubuntu",
            ],
        ),
        (HUB, "docker.io", "own/x", ["?://mirror.example/v2/all/x", "https://registry-1.docker.io/v2/own/x"]),
        (HUB, "moved.example", "a/b", ["https://new.example:8443/v2/old/a/b"]),
        (HUB, "open.example", "a", ["?://open.example/v2/a"]),
    ],
)
def test_addresses(configuration: Configuration, domain: str, path: str, expected: list[str]) -> None:
    assert addresses(configuration, domain, path) == expected


def test_pushes_go_to_no_mirror() -> None:
    found = registry_endpoint(HUB, "docker.io", "library/ubuntu", "/nonexistent")
    assert (found.host, found.account, found.mirror) == ("registry-1.docker.io", "docker.io", False)


@pytest.mark.parametrize(
    ("domain", "clear", "verify"),
    [("localhost:5000", True, False), ("quay.io", False, True), ("open.example", True, False)],
)
def test_who_is_trusted(domain: str, clear: bool, verify: bool) -> None:
    found = registry_endpoint(HUB, domain, "a", "/nonexistent")
    assert (found.clear, found.tls.verify) == (clear, verify)


def test_a_mirror_has_its_own_account_and_its_own_rule() -> None:
    mirror = endpoints(HUB, "docker.io", "library/ubuntu", "/nonexistent")[1]
    assert mirror == Endpoint(
        "mirror.example", "path/library/ubuntu", "mirror.example", "https", Tls(False), insecure=True, mirror=True
    )


def test_a_plain_mirror_elsewhere_gets_no_credentials() -> None:
    configuration = Configuration((Rule("docker.io", (Mirror("mirror.example", "", "http"),)),))
    mirror = endpoints(configuration, "docker.io", "library/x", "/nonexistent")[0]
    assert (mirror.scheme, mirror.clear) == ("http", False)


def test_an_authority_makes_loopback_checked(tmp_path: Path) -> None:
    (tmp_path / "localhost:5000").mkdir()
    authority = tmp_path / "localhost:5000" / "ca.crt"
    authority.write_text("")
    found = registry_endpoint(Configuration(), "localhost:5000", "a", str(tmp_path))
    assert found.tls == Tls(True, Certificates((str(authority),)))
