"""docker's typed values for templates: what `{{.Config}}` and the like run on."""

from __future__ import annotations

from pallet.gotemplate import GoInt, GoMap, GoNil, GoSlice, GoStruct
from pallet.oci.docker_config import LEFT_OUT_WHEN_EMPTY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

_HEALTH_TIMES = ("Interval", "Timeout", "StartPeriod")


def strings(items: Iterable[str] | None, go_type: str = "[]string") -> object:
    """A slice of strings; nil for None."""
    return GoNil(go_type, "slice") if items is None else GoSlice(items, go_type)


def string_map(entries: Mapping[str, object] | None, go_type: str = "map[string]string") -> object:
    """A map; nil for None."""
    return GoNil(go_type, "map") if entries is None else GoMap(entries, go_type)


def empty_structs(names: Iterable[str] | None, go_type: str) -> object:
    """A Go set: a map from strings to empty structs; nil for None."""
    if names is None:
        return GoNil(go_type, "map")
    return GoMap({name: GoStruct("struct {}", {}) for name in names}, go_type)


def config_value(config: Mapping[str, Any] | None) -> object:
    """docker's container.Config, of its JSON object."""
    if config is None:
        return GoNil("*container.Config")
    get = config.get
    timeout = get("StopTimeout")
    return GoStruct(
        "container.Config",
        {
            **{key: get(key, "") for key in ("Hostname", "Domainname", "User")},
            **{key: get(key, False) for key in ("AttachStdin", "AttachStdout", "AttachStderr")},
            "ExposedPorts": empty_structs(get("ExposedPorts"), "nat.PortSet"),
            **{key: get(key, False) for key in ("Tty", "OpenStdin", "StdinOnce")},
            "Env": strings(get("Env")),
            "Cmd": strings(get("Cmd"), "strslice.StrSlice"),
            "Healthcheck": _health_config(get("Healthcheck")),
            "ArgsEscaped": get("ArgsEscaped", False),
            "Image": get("Image", ""),
            "Volumes": empty_structs(get("Volumes"), "map[string]struct {}"),
            "WorkingDir": get("WorkingDir", ""),
            "Entrypoint": strings(get("Entrypoint"), "strslice.StrSlice"),
            "NetworkDisabled": get("NetworkDisabled", False),
            "MacAddress": get("MacAddress", ""),
            "OnBuild": strings(get("OnBuild")),
            "Labels": string_map(get("Labels")),
            "StopSignal": get("StopSignal", ""),
            "StopTimeout": GoNil("*int") if timeout is None else timeout,
            "Shell": strings(get("Shell"), "strslice.StrSlice"),
        },
        tags=dict.fromkeys(LEFT_OUT_WHEN_EMPTY, ",omitempty"),
        pointer=True,
    )


def _health_config(check: Mapping[str, Any] | None) -> object:
    """docker's container.HealthConfig."""
    if check is None:
        return GoNil("*container.HealthConfig")
    fields = {
        "Test": strings(check.get("Test")),
        **{key: GoInt(check.get(key, 0), "time.Duration") for key in _HEALTH_TIMES},
        "Retries": check.get("Retries", 0),
    }
    return GoStruct("container.HealthConfig", fields, tags=dict.fromkeys(fields, ",omitempty"), pointer=True)
