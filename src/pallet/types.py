"""docker-py's small types, for arguments that are JSON objects: `pallet.types.Mount(...)`.

Each is a dict with the keys of docker's API, so that a plain dict does as well. Names and arguments are docker-py 7's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pallet.errors import InvalidInput
from pallet.units import parse_size


class Mount(dict[str, Any]):
    """A mount, for `mounts` of `containers.run`.

    Args:
        target: the path in the container.
        source: a volume's name, or a path of this machine.
        type: `volume`, `bind` or `tmpfs`.
        read_only: whether it may not be written.
        consistency: recorded only.
        propagation: of a bind: `rprivate`, `private`, `rshared`, `shared`, `rslave` or `slave`.
        no_copy: of a volume: leave it empty if it is new.
        labels: of a volume that is made for this.
        driver_config: its driver, `{"Name": "local", "Options": {...}}`.
        tmpfs_size: bytes, or a text such as `64m`.
        tmpfs_mode: permissions, as a number.

    Raises:
        InvalidInput: another type, or an option of another type.
    """

    def __init__(
        self,
        target: str,
        source: str | None,
        type: str = "volume",
        read_only: bool = False,
        consistency: str | None = None,
        propagation: str | None = None,
        no_copy: bool = False,
        labels: Mapping[str, str] | None = None,
        driver_config: Mapping[str, Any] | None = None,
        tmpfs_size: int | str | None = None,
        tmpfs_mode: int | None = None,
    ) -> None:
        options: dict[str, dict[str, Any]] = {
            "bind": {"Propagation": propagation},
            "volume": {"NoCopy": no_copy, "Labels": labels, "DriverConfig": driver_config},
            "tmpfs": {"SizeBytes": _bytes(tmpfs_size), "Mode": tmpfs_mode},
        }
        if type not in options:
            raise InvalidInput(f'Unsupported mount type: "{type}"')
        given = {kind: {key: value for key, value in words.items() if value} for kind, words in options.items()}
        if any(words for kind, words in given.items() if kind != type):
            raise InvalidInput(f"Incompatible options have been provided for the {type} type mount.")
        super().__init__(Target=target, Source=source, Type=type, ReadOnly=read_only)
        if consistency:
            self["Consistency"] = consistency
        if given[type]:
            self[f"{type.capitalize()}Options"] = given[type]


class LogConfig(dict[str, Any]):
    """A log driver, for `log_config`.

    Args:
        type: `json-file`, `local`, `journald` or `none`.
        config: its options: `{"max-size": "1m"}`.
    """

    def __init__(self, type: str, config: Mapping[str, str] | None = None) -> None:
        super().__init__(Type=type, Config=dict(config or {}))


class Ulimit(dict[str, Any]):
    """A limit of setrlimit(2), for `ulimits`.

    Args:
        name: `nofile`, `nproc`, ...
        soft: the limit that counts; `hard` if not given.
        hard: how far it may be raised; `soft` if not given.
    """

    def __init__(self, name: str, soft: int | None = None, hard: int | None = None) -> None:
        super().__init__(Name=name, Soft=soft, Hard=hard)


class Healthcheck(dict[str, Any]):
    """A health check, for `healthcheck`.

    Args:
        test: one text for the shell, or `["CMD", ...]`, `["CMD-SHELL", text]`, `["NONE"]`.
        interval: nanoseconds from one check to the next.
        timeout: nanoseconds that a check may take.
        retries: how many failures make it unhealthy.
        start_period: nanoseconds in which failures do not count.
    """

    def __init__(
        self,
        test: str | Sequence[str] | None = None,
        interval: int | None = None,
        timeout: int | None = None,
        retries: int | None = None,
        start_period: int | None = None,
    ) -> None:
        super().__init__(
            Test=["CMD-SHELL", test] if isinstance(test, str) else test,
            Interval=interval,
            Timeout=timeout,
            Retries=retries,
            StartPeriod=start_period,
        )


class IPAMPool(dict[str, Any]):
    """A pool of a network's addresses, for `IPAMConfig`.

    Args:
        subnet: `10.1.0.0/24`.
        iprange: the part of it that containers get addresses of.
        gateway: the bridge's address.
        aux_addresses: addresses that no container gets: `{"printer": "10.1.0.9"}`.
    """

    def __init__(
        self,
        subnet: str | None = None,
        iprange: str | None = None,
        gateway: str | None = None,
        aux_addresses: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(Subnet=subnet, IPRange=iprange, Gateway=gateway, AuxiliaryAddresses=aux_addresses)


class IPAMConfig(dict[str, Any]):
    """A network's addresses, for `ipam` of `networks.create`.

    Args:
        driver: only `default`.
        pool_configs: the pools.
        options: of the driver.
    """

    def __init__(
        self,
        driver: str = "default",
        pool_configs: Sequence[Mapping[str, Any]] | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(Driver=driver, Config=list(pool_configs or ()))
        if options:
            self["Options"] = dict(options)


def _bytes(size: int | str | None) -> int:
    return parse_size(size) if isinstance(size, str) else size or 0
