"""docker's words for published and exposed ports: `[[ip:][hostPort]:]containerPort[/proto]`, with ranges.

Source: docker's documentation of `docker run --publish`; the error texts are docker's own.
"""

from __future__ import annotations

from pallet.errors import InvalidInput
from pallet.store.container_record import PortBinding

_PROTOCOLS = ("tcp", "udp", "sctp")
_LARGEST = 65535


def parse_publish(words: str) -> list[PortBinding]:
    """Read one `-p`.

    Args:
        words: such as `80`, `8080:80`, `127.0.0.1::53/udp`, `[::1]:80:80`, `8000-8010:80`, `8000-8001:80-81/tcp`.

    Returns:
        One binding for each container port.

    Raises:
        InvalidInput: docker's text.
    """
    ip, host, container = _split(words)
    port, slash, protocol = container.partition("/")
    protocol = protocol if slash and protocol else "tcp"
    ip = _address(ip)
    if not port:
        raise InvalidInput(f"No port specified: {words}<empty>")
    first, last = _range(port, f"Invalid containerPort: {port}")
    if not host:
        host_first = host_last = 0
    else:
        host_first, host_last = _range(host, f"Invalid hostPort: {host}")
    if host and last - first != host_last - host_first and last != first:
        raise InvalidInput(f"Invalid ranges specified for container and host Ports: {port} and {host}")
    if protocol.lower() not in _PROTOCOLS:
        raise InvalidInput(f"Invalid proto: {protocol}")
    out = []
    for offset in range(last - first + 1):
        chosen = str(host_first + offset) if host else ""
        if host and first == last and host_first != host_last:
            chosen = f"{chosen}-{host_last}"  # any free one of them
        out.append(PortBinding(f"{first + offset}/{protocol.lower()}", ip, chosen))
    return out


def parse_expose(words: str) -> list[str]:
    """Read one `--expose`: `80`, `53/udp`, `7000-7009`; returns `80/tcp`, ...

    Raises:
        InvalidInput: docker's text.
    """
    if ":" in words:
        raise InvalidInput(f"invalid port format for --expose: {words}")
    port, _, protocol = words.partition("/")
    protocol = (protocol or "tcp").lower()
    if problem := range_problem(port):
        raise InvalidInput(f"invalid range format for --expose: {words}, error: {problem}")
    first, last = _range("-".join(port.split("-")[:2]), "")
    if protocol not in _PROTOCOLS:
        raise InvalidInput(f"invalid proto: {protocol}")
    return [f"{number}/{protocol}" for number in range(first, last + 1)]


def sort_key(port: str) -> tuple[int, str]:
    """Orders `80/tcp` by number, then protocol."""
    number, _, protocol = port.partition("/")
    return (int(number) if number.isdigit() else 0, protocol)


def standard_publish(words: str) -> str:
    """The usual form of a `-p` that may be in docker's long one: `published=8080,target=80,protocol=udp`.

    Raises:
        InvalidInput: docker's text.
    """
    if "=" not in words:
        return words
    said = {"protocol": "tcp"}
    for field in words.split(","):
        name, equals, value = field.partition("=")
        if not equals:
            raise InvalidInput(f"invalid publish opts format (should be name=value but got '{field}')")
        said[name] = value
    return f"{said.get('published', '')}:{said.get('target', '')}/{said['protocol']}"


def _split(words: str) -> tuple[str, str, str]:
    parts = words.split(":")
    if len(parts) == 1:
        return "", "", parts[0]
    if len(parts) == 2:
        return "", parts[0], parts[1]
    return ":".join(parts[:-2]), parts[-2], parts[-1]


def _address(text: str) -> str:
    if not text:
        return ""
    from ipaddress import ip_address

    plain = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if plain == text and ":" in text:
        why = "missing ']' in address" if text.startswith("[") else "too many colons in address"
        raise InvalidInput(f"Invalid ip address {text}: address {text}:: {why}")
    try:
        ip_address(plain)
    except ValueError:
        raise InvalidInput(f"Invalid ip address: {plain}") from None
    return plain


def _range(text: str, problem: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    if not dash:
        last = first
    numbers = [int(word) if word.isascii() and word.isdigit() else -1 for word in (first, last)]
    if not all(0 <= number <= _LARGEST for number in numbers) or numbers[1] < numbers[0]:
        raise InvalidInput(problem)
    return numbers[0], numbers[1]


def range_problem(text: str) -> str:
    """docker's words for why a text is no port and no range of ports; empty if it is one."""
    if not text:
        return "Empty string specified for ports."
    words = text.split("-")[:2]
    for word in words:
        if not (word.isascii() and word.isdigit()):
            return f'strconv.ParseUint: parsing "{word}": invalid syntax'
        if int(word) > _LARGEST:
            return f'strconv.ParseUint: parsing "{word}": value out of range'
    return f"Invalid range specified for the Port: {text}" if int(words[-1]) < int(words[0]) else ""
