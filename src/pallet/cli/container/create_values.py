"""The words of docker's flags for new containers, each read as docker's client reads it, with its error texts.

Sources: docker/cli opts/ (ulimit, throttledevice, weightdevice, opts), docker/go-units ulimit.
"""

from __future__ import annotations

import ipaddress

from pallet.cli.values import integer, quoted
from pallet.errors import InvalidInput
from pallet.store.host_config import DeviceValue, Ulimit
from pallet.units import parse_size

_ULIMITS = """
core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack
"""
_SYSCTLS = """
kernel.msgmax kernel.msgmnb kernel.msgmni kernel.sem kernel.shmall kernel.shmmax kernel.shmmni kernel.shm_rmid_forced
"""
_SYSCTL_PREFIXES = ("net.", "fs.mqueue.")
_STREAMS = ("stdin", "stdout", "stderr")
_LARGEST_LABEL = 63


def ulimit(text: str) -> Ulimit:
    """Read `nofile=SOFT[:HARD]`. Raises InvalidInput."""
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidInput(f"invalid ulimit argument: {text}")
    if name not in _ULIMITS.split():
        raise InvalidInput(f"invalid ulimit type: {name}")
    limits = value.split(":")
    if len(limits) > 2:
        raise InvalidInput(f"too many limit value arguments - {value}, can only have up to two, `soft[:hard]`")
    soft = _decimal(limits[0])
    hard = _decimal(limits[1]) if len(limits) == 2 else soft
    if hard != -1 and (soft == -1 or soft > hard):
        how = f"soft: -1 (unlimited), hard: {hard}" if soft == -1 else f"{soft} > {hard}"
        raise InvalidInput(f"ulimit soft limit must be less than or equal to hard limit: {how}")
    return Ulimit(name, hard, soft)


def _decimal(text: str) -> int:
    """As strconv.ParseInt with base 10."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not digits.isdigit() or not digits.isascii():
        raise InvalidInput(f"strconv.ParseInt: parsing {quoted(text)}: invalid syntax")
    return integer(text[: len(text) - len(digits)] + (digits.lstrip("0") or "0"))


def _device_and_value(text: str) -> tuple[str, str]:
    device, colon, value = text.partition(":")
    if not colon:
        raise InvalidInput(f"bad format: {text}")
    if not device.startswith("/dev/"):
        raise InvalidInput(f"bad format for device path: {text}")
    return device, value


def weight(text: str) -> DeviceValue:
    """Read `/dev/sda:500`. Raises InvalidInput."""
    device, value = _device_and_value(text)
    error = InvalidInput(f"invalid weight for device: {text}")
    try:
        number = _decimal(value)
    except InvalidInput:
        raise error from None
    if number and not 10 <= number <= 1000:
        raise error
    return DeviceValue(device, number)


def byte_rate(text: str) -> DeviceValue:
    """Read `/dev/sda:1mb`. Raises InvalidInput."""
    device, value = _device_and_value(text)
    try:
        return DeviceValue(device, parse_size(value))
    except InvalidInput:
        raise InvalidInput(
            f"invalid rate for device: {text}. The correct format is <device-path>:<number>[<unit>]. "
            "Number must be a positive integer. Unit is optional and can be kb, mb, or gb"
        ) from None


def operation_rate(text: str) -> DeviceValue:
    """Read `/dev/sda:1000`. Raises InvalidInput."""
    device, value = _device_and_value(text)
    if not value.isdigit() or not value.isascii() or int(value) >= 1 << 64:
        raise InvalidInput(
            f"invalid rate for device: {text}. The correct format is <device-path>:<number>. "
            "Number must be a positive integer"
        )
    return DeviceValue(device, int(value))


def device_rule(text: str) -> str:
    """Check `c 7:* rmw`. Raises InvalidInput."""
    words = text.split(" ")
    if len(words) == 3 and words[0] in ("a", "b", "c") and 1 <= len(words[2]) <= 3 and set(words[2]) <= set("rwm"):
        numbers = words[1].split(":")
        if len(numbers) == 2 and all(number == "*" or (number.isascii() and number.isdigit()) for number in numbers):
            return text
    raise InvalidInput(f"invalid device cgroup format '{text}'")


def sysctl(text: str) -> str:
    """Check `net.ipv4.ip_forward=1`: only settings that belong to the container's namespaces. Raises InvalidInput."""
    name, equals, _ = text.partition("=")
    if not equals or not (name in _SYSCTLS.split() or name.startswith(_SYSCTL_PREFIXES)):
        raise InvalidInput(f"sysctl '{text}' is not whitelisted")
    return text


def address(text: str) -> str:
    """Check an IP address. Raises InvalidInput."""
    try:
        if "%" in text:  # the zone of a link-local address, which means nothing elsewhere
            raise ValueError(text)
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        raise InvalidInput(f"{text} is not an ip address") from None


def search_domain(text: str) -> str:
    """Check a domain to search in; `.` for none. Raises InvalidInput."""
    name = text.strip()
    if name == ".":
        return name
    labels = name.removesuffix(".").split(".")
    if len(name) > 255 or not all(_is_label(label) for label in labels) or name.replace(".", "").isdigit():
        raise InvalidInput(f"{text} is not a valid domain")
    return name


def _is_label(text: str) -> bool:
    inner = text.replace("-", "")
    return 0 < len(text) <= _LARGEST_LABEL and inner.isascii() and inner.isalnum() and text[0] != "-" != text[-1]


def extra_host(text: str) -> str:
    """Check `name:address`, or `name:host-gateway`. Raises InvalidInput."""
    name, colon, where = text.partition(":")
    if not colon or not name:
        raise InvalidInput(f"bad format for add-host: {quoted(text)}")
    if where != "host-gateway":
        try:
            address(where)
        except InvalidInput:
            raise InvalidInput(f"invalid IP address in add-host: {quoted(where)}") from None
    return text


def link(text: str) -> str:
    """Check `name` or `name:alias`. Raises InvalidInput."""
    if not text:
        raise InvalidInput("empty string specified for links")
    if text.count(":") > 1:
        raise InvalidInput(f"bad format for links: {text}")
    return text


def stream(text: str) -> str:
    """Read the name of a standard stream. Raises InvalidInput."""
    name = text.lower()
    if name not in _STREAMS:
        raise InvalidInput("valid streams are STDIN, STDOUT and STDERR")
    return name


def gpus(text: str) -> str:
    """Check docker's words for GPUs: `all`, `2`, `device=0,capabilities=utility`. Raises InvalidInput."""
    from pallet.cli.container.mount_words import fields

    seen: set[str] = set()
    for field in fields(text):
        key, equals, value = field.partition("=")
        if not equals:
            key, value = "count", field
        if key in seen:
            raise InvalidInput(f"gpu request key '{key}' can be specified only once")
        seen.add(key)
        if key not in ("count", "driver", "device", "capabilities", "options"):
            raise InvalidInput(f"unexpected key '{key}' in '{field}'")
        digits = value[1:] if value[:1] in ("+", "-") else value
        if key == "count" and value != "all" and not (digits.isascii() and digits.isdigit()):
            raise InvalidInput(f"count must be an integer: strconv.Atoi: parsing {quoted(value)}: invalid syntax")
    return text


def swap(text: str) -> int:
    """Read a size, or -1 for unlimited. Raises InvalidInput."""
    return -1 if text == "-1" else parse_size(text)
