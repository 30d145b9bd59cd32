"""A container's config as docker's JSON has it. On the quick path: `image inspect` needs nothing else of a config.

Source: moby, api/types/container.Config and HealthConfig: key order, and what is left out when it is empty.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_EMPTY = {
    "Hostname": "",
    "Domainname": "",
    "User": "",
    "AttachStdin": False,
    "AttachStdout": False,
    "AttachStderr": False,
    "ExposedPorts": None,
    "Tty": False,
    "OpenStdin": False,
    "StdinOnce": False,
    "Env": None,
    "Cmd": None,
    "Healthcheck": None,
    "ArgsEscaped": False,
    "Image": "",
    "Volumes": None,
    "WorkingDir": "",
    "Entrypoint": None,
    "NetworkDisabled": False,
    "MacAddress": "",
    "OnBuild": None,
    "Labels": None,
    "StopSignal": "",
    "StopTimeout": None,
    "Shell": None,
}
LEFT_OUT_WHEN_EMPTY = frozenset(
    {
        "ExposedPorts",
        "Healthcheck",
        "ArgsEscaped",
        "NetworkDisabled",
        "MacAddress",
        "StopSignal",
        "StopTimeout",
        "Shell",
    }
)
"""The keys of a container's config that docker's JSON lacks when they are empty."""

_HEALTHCHECK = ("Test", "Interval", "Timeout", "StartPeriod", "StartInterval", "Retries")
_SORTED = frozenset({"ExposedPorts", "Labels", "Volumes"})  # Go writes a map's keys in order


def docker_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """All of docker's keys in its order, with their empty values where a config has none; other keys go.

    Args:
        config: a JSON object that was read as a `ContainerConfig`, or could be.
    """
    fields: dict[str, Any] = {}
    for key, empty in _EMPTY.items():
        value = config.get(key, empty)
        if value or key not in LEFT_OUT_WHEN_EMPTY:
            fields[key] = dict(sorted(value.items())) if key in _SORTED and value else value
    if "Healthcheck" in fields:
        check = fields["Healthcheck"]
        fields["Healthcheck"] = {key: check[key] for key in _HEALTHCHECK if check.get(key)}
    return fields
