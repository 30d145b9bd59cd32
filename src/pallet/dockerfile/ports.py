"""EXPOSE's ports: `80`, `80/udp`, `8000-8002`, and what docker still takes: `127.0.0.1:80:80`.

Source: Dockerfile reference, "EXPOSE"; texts as in docker 20.10 and BuildKit 0.12.
"""

from __future__ import annotations

import msgspec

from pallet.dockerfile.numbers import parse_unsigned
from pallet.errors import InvalidInput


class ExposedPort(msgspec.Struct, frozen=True):
    """One word of EXPOSE.

    Attributes:
        ports: each as `80/tcp`.
        protocol: as written, or "".
        mapped: whether an address or a host's port was given, which EXPOSE ignores.
    """

    ports: tuple[str, ...]
    protocol: str
    mapped: bool


def exposed_port(text: str) -> ExposedPort:
    """Understand one word of EXPOSE.

    Raises:
        InvalidInput: not a port, with docker's text.
    """
    *before, last = text.rsplit(":", 2)
    address = before[0] if len(before) == 2 else ""
    host_port = before[-1] if before else ""
    numbers, _, protocol = last.partition("/")
    _check_address(address)
    if not numbers:
        raise InvalidInput(f"No port specified: {text}<empty>")
    first, end = _range(numbers, "containerPort")
    if host_port:
        begin, host_end = _range(host_port, "hostPort")
        if host_end - begin != end - first and end != first:
            raise InvalidInput(f"Invalid ranges specified for container and host Ports: {numbers} and {host_port}")
    name = protocol.lower() or "tcp"
    if name not in ("tcp", "udp", "sctp"):
        raise InvalidInput(f"Invalid proto: {protocol}")
    return ExposedPort(
        tuple(f"{number}/{name}" for number in range(first, end + 1)),
        protocol,
        bool(address or host_port),
    )


def _check_address(text: str) -> None:
    if not text:
        return
    from ipaddress import ip_address

    try:
        ip_address(text[1:-1] if text.startswith("[") and text.endswith("]") else text)
    except ValueError:
        raise InvalidInput(f"Invalid ip address: {text}") from None


def _range(text: str, what: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    try:
        begin = parse_unsigned(first, bits=16)
        end = parse_unsigned(last, bits=16) if dash else begin
    except InvalidInput:
        raise InvalidInput(f"Invalid {what}: {text}") from None
    if end < begin:
        raise InvalidInput(f"Invalid {what}: {text}")
    return begin, end
