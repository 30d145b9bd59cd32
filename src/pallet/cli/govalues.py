"""docker's typed values for templates: what `{{.Config}}` and the like run on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pallet.gotemplate import GoInt, GoMap, GoNil, GoSlice, GoStruct
from pallet.oci.config import ContainerConfig, Healthcheck
from pallet.oci.docker_config import LEFT_OUT_WHEN_EMPTY


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


def health_config(check: Healthcheck | None) -> object:
    """docker's container.HealthConfig."""
    if check is None:
        return GoNil("*container.HealthConfig")
    return GoStruct(
        "container.HealthConfig",
        {
            "Test": strings(check.test),
            "Interval": GoInt(check.interval, "time.Duration"),
            "Timeout": GoInt(check.timeout, "time.Duration"),
            "StartPeriod": GoInt(check.start_period, "time.Duration"),
            "Retries": check.retries,
        },
        tags=dict.fromkeys(("Test", "Interval", "Timeout", "StartPeriod", "Retries"), ",omitempty"),
        pointer=True,
    )


def container_config(config: ContainerConfig | None) -> object:
    """docker's container.Config."""
    if config is None:
        return GoNil("*container.Config")
    return GoStruct(
        "container.Config",
        {
            "Hostname": config.hostname,
            "Domainname": config.domainname,
            "User": config.user,
            "AttachStdin": config.attach_stdin,
            "AttachStdout": config.attach_stdout,
            "AttachStderr": config.attach_stderr,
            "ExposedPorts": empty_structs(config.exposed_ports, "nat.PortSet"),
            "Tty": config.tty,
            "OpenStdin": config.open_stdin,
            "StdinOnce": config.stdin_once,
            "Env": strings(config.env),
            "Cmd": strings(config.cmd, "strslice.StrSlice"),
            "Healthcheck": health_config(config.healthcheck),
            "ArgsEscaped": config.args_escaped,
            "Image": config.image,
            "Volumes": empty_structs(config.volumes, "map[string]struct {}"),
            "WorkingDir": config.working_dir,
            "Entrypoint": strings(config.entrypoint, "strslice.StrSlice"),
            "NetworkDisabled": config.network_disabled,
            "MacAddress": config.mac_address,
            "OnBuild": strings(config.on_build),
            "Labels": string_map(config.labels),
            "StopSignal": config.stop_signal,
            "StopTimeout": GoNil("*int") if config.stop_timeout is None else config.stop_timeout,
            "Shell": strings(config.shell, "strslice.StrSlice"),
        },
        tags=dict.fromkeys(LEFT_OUT_WHEN_EMPTY, ",omitempty"),
        pointer=True,
    )
