"""docker's words for ports. The texts are those of docker 20.10."""

from __future__ import annotations

import pytest

from pallet.errors import InvalidInput
from pallet.network.ports import parse_expose, parse_publish
from pallet.store.container_record import PortBinding


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("80", [("80/tcp", "", "")]),
        ("80/udp", [("80/udp", "", "")]),
        ("80/UDP", [("80/udp", "", "")]),
        ("8080:80", [("80/tcp", "", "8080")]),
        ("8080:80/sctp", [("80/sctp", "", "8080")]),
        ("127.0.0.1:8080:80", [("80/tcp", "127.0.0.1", "8080")]),
        ("127.0.0.1::80", [("80/tcp", "127.0.0.1", "")]),
        ("[::1]:8080:80", [("80/tcp", "::1", "8080")]),
        ("8000-8001:80-81", [("80/tcp", "", "8000"), ("81/tcp", "", "8001")]),
        ("8000-8010:80", [("80/tcp", "", "8000-8010")]),
        ("7000-7002", [("7000/tcp", "", ""), ("7001/tcp", "", ""), ("7002/tcp", "", "")]),
    ],
)
def test_publish(words: str, expected: list[tuple[str, str, str]]) -> None:
    assert parse_publish(words) == [PortBinding(*each) for each in expected]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("foo", "Invalid containerPort: foo"),
        ("99999:80", "Invalid hostPort: 99999"),
        ("80:80:80:80", "Invalid ip address 80:80: address 80:80:: too many colons in address"),
        ("1.2.3:80:80", "Invalid ip address: 1.2.3"),
        ("1-2:3-5", "Invalid ranges specified for container and host Ports: 3-5 and 1-2"),
        ("8080:", "No port specified: 8080:<empty>"),
        ("80/foo", "Invalid proto: foo"),
        ("81-80", "Invalid containerPort: 81-80"),
    ],
)
def test_publish_refused(words: str, text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_publish(words)
    assert caught.value.message == text


def test_expose() -> None:
    assert parse_expose("7000-7001/udp") == ["7000/udp", "7001/udp"]
    assert parse_expose("80") == ["80/tcp"]
    with pytest.raises(InvalidInput, match="invalid port format for --expose: 80:80"):
        parse_expose("80:80")
