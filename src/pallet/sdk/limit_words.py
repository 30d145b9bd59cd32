"""docker-py's words for limits, mounts, health checks, logs and restarts, as the values that the operation takes.

The names and shapes are those of docker-py 7 (`models.containers`, `types.containers`, `types.healthcheck`,
`types.services.Mount`). Its little classes are mappings, so that they fit here, as plain mappings do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pallet.errors import InvalidInput
from pallet.oci.config import Healthcheck
from pallet.store.host_config import Device, DeviceValue, Resources, RestartPolicy, Ulimit
from pallet.units import parse_size

Size = int | float | str
"""Bytes, or a text such as `512m`."""

# docker-py's words for limits that are numbers or texts, and their names here.
_PLAIN = {
    "blkio_weight": "blkio_weight",
    "cgroup_parent": "cgroup_parent",
    "cpu_period": "cpu_period",
    "cpu_quota": "cpu_quota",
    "cpu_rt_period": "cpu_rt_period",
    "cpu_rt_runtime": "cpu_rt_runtime",
    "cpu_shares": "cpu_shares",
    "cpuset_cpus": "cpuset_cpus",
    "cpuset_mems": "cpuset_mems",
    "mem_swappiness": "memory_swappiness",
    "nano_cpus": "nano_cpus",
    "oom_kill_disable": "oom_kill_disable",
    "pids_limit": "pids_limit",
}
_SIZES = {
    "kernel_memory": "kernel_memory",
    "mem_limit": "memory",
    "mem_reservation": "memory_reservation",
    "memswap_limit": "memory_swap",
}
_RATES = {
    "device_read_bps": "read_bps",
    "device_read_iops": "read_iops",
    "device_write_bps": "write_bps",
    "device_write_iops": "write_iops",
}


def resources(words: Mapping[str, Any]) -> Resources:
    """The limits among docker-py's words.

    Raises:
        InvalidInput: a value that makes no sense.
    """
    found: dict[str, Any] = {new: words[old] for old, new in _PLAIN.items() if words.get(old) is not None}
    found |= {new: size(words[old]) for old, new in _SIZES.items() if words.get(old) is not None}
    found |= {new: _values(words[old], "Rate") for old, new in _RATES.items() if words.get(old)}
    if words.get("blkio_weight_device"):
        found["blkio_weight_device"] = _values(words["blkio_weight_device"], "Weight")
    if words.get("devices"):
        found["devices"] = tuple(_device(word) for word in words["devices"])
    if words.get("device_cgroup_rules"):
        found["device_cgroup_rules"] = tuple(words["device_cgroup_rules"])
    if words.get("ulimits"):
        found["ulimits"] = tuple(_ulimit(each) for each in words["ulimits"])
    return Resources(**found)


def size(value: Size) -> int:
    """The bytes of a number or a text; -1 stays what it is. Raises InvalidInput."""
    if isinstance(value, str):
        return -1 if value == "-1" else parse_size(value)
    return int(value)


def restart_policy(policy: Mapping[str, Any] | None) -> RestartPolicy:
    """`{"Name": "on-failure", "MaximumRetryCount": 5}`."""
    if not policy:
        return RestartPolicy()
    return RestartPolicy(_get(policy, "Name") or "no", int(_get(policy, "MaximumRetryCount") or 0))


def healthcheck(check: Mapping[str, Any] | None) -> Healthcheck | None:
    """`{"test": "curl -f http://localhost", "interval": 10**9}`: times in nanoseconds."""
    if not check:
        return None
    test = _get(check, "Test")
    return Healthcheck(
        test=("CMD-SHELL", test) if isinstance(test, str) else None if test is None else tuple(test),
        interval=_get(check, "Interval") or 0,
        timeout=_get(check, "Timeout") or 0,
        start_period=_get(check, "StartPeriod") or check.get("start_period") or 0,
        retries=_get(check, "Retries") or 0,
    )


def log_config(config: Mapping[str, Any] | None) -> tuple[str, dict[str, str]]:
    """Driver and options of `{"Type": "json-file", "Config": {"max-size": "1m"}}`."""
    if not config:
        return "", {}
    options = _get(config, "Config") or {}
    return _get(config, "Type") or "", {name: str(value) for name, value in options.items()}


def mounts(wanted: Iterable[Mapping[str, Any] | str] | None) -> tuple[dict[str, Any], ...]:
    """docker's API objects of `docker.types.Mount`s, or of mappings like them.

    Raises:
        InvalidInput: one that has no target.
    """
    found = []
    for each in wanted or ():
        if not isinstance(each, Mapping) or not each.get("Target"):
            raise InvalidInput(f"{each!r} is no mount: wanted are Target, Source, Type, ReadOnly, ...")
        found.append({"Type": "volume", **{key: value for key, value in each.items() if value not in (None, "")}})
    return tuple(found)


def endpoint(config: Mapping[str, Any] | None, network: str | None) -> dict[str, Any]:
    """How a container wants to be in its network, in `CreateOptions`' words.

    Args:
        config: `{network: {"Aliases": [...], "IPAMConfig": {"IPv4Address": ...}, ...}}`, docker's EndpointSettings.
        network: the network; what is said of others does not count, as with docker-py.

    Raises:
        InvalidInput: there is no network, or docker's API knows no such key.
    """
    if not config:
        return {}
    if not network:
        raise InvalidInput('The option "networking_config" can not be used without "network".')
    settings = dict(config.get(network) or {})
    place = dict(settings.pop("IPAMConfig", None) or {})
    found = {
        "network_aliases": tuple(settings.pop("Aliases", None) or ()),
        "ip": place.pop("IPv4Address", None) or "",
        "ip6": place.pop("IPv6Address", None) or "",
        "link_local_ips": tuple(place.pop("LinkLocalIPs", None) or ()),
        "network_options": dict(settings.pop("DriverOpts", None) or {}),
        "mac_address": settings.pop("MacAddress", None) or "",
        "links": tuple(settings.pop("Links", None) or ()),
    }
    if settings or place:
        raise InvalidInput(f"unknown in networking_config: {', '.join(sorted({**settings, **place}))}")
    return {key: value for key, value in found.items() if value}


def tmpfs(wanted: Mapping[str, str | None] | Sequence[str] | None) -> dict[str, str]:
    """`{"/path": "size=1m,mode=700"}`, or a list of `/path:options`."""
    if isinstance(wanted, Mapping):
        return {path: options or "" for path, options in wanted.items()}
    return dict(word.partition(":")[::2] for word in wanted or ())


def _get(mapping: Mapping[str, Any], name: str) -> Any:
    """A value by docker's name, or by docker-py's."""
    return mapping.get(name, mapping.get(name.lower()))


def _values(values: Iterable[Mapping[str, Any]], name: str) -> tuple[DeviceValue, ...]:
    try:
        return tuple(DeviceValue(_get(each, "Path"), size(_get(each, name))) for each in values)
    except (AttributeError, TypeError):
        raise InvalidInput(f"wanted is a list of {{'Path': ..., '{name}': ...}}, not {values!r}") from None


def _device(word: str) -> Device:
    parts = word.split(":")
    if len(parts) > 3 or not parts[0]:
        raise InvalidInput(f"bad format for path: {word}")
    return Device(parts[0], parts[1] if len(parts) > 1 else parts[0], parts[2] if len(parts) > 2 else "rwm")


def _ulimit(limit: Mapping[str, Any]) -> Ulimit:
    name, soft, hard = (_get(limit, key) for key in ("Name", "Soft", "Hard"))
    if not isinstance(name, str):
        raise InvalidInput(f"{limit!r} is no ulimit: wanted are Name, Soft and Hard")
    soft = hard if soft is None else soft
    return Ulimit(name, int(soft if hard is None else hard), int(soft))
