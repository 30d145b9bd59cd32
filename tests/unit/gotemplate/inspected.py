"""An image as `docker image inspect` hands it to a template: first typed, then as raw JSON."""

from __future__ import annotations

from typing import Any

from pallet.errors import TemplateError
from pallet.gotemplate import GoInt, GoJsonNumber, GoMap, GoNil, GoSlice, GoStruct, parse


class Time:
    """time.Time: prints as Go's String, marshals as RFC 3339."""

    __go_type__ = "time.Time"

    def __init__(self, text: str) -> None:
        self._text = text

    def __go_field__(self, name: str) -> object:
        raise KeyError(name)

    def __go_json__(self) -> object:
        return self._text

    def __str__(self) -> str:
        return self._text.replace("T", " ").replace("Z", " +0000 UTC")


def _slice(items: list[str] | None, go_type: str = "[]string") -> object:
    return GoNil(go_type, "slice") if items is None else GoSlice(items, go_type)


def _labels(entries: dict[str, str] | None) -> object:
    return GoNil("map[string]string") if entries is None else GoMap(entries)


def _config(raw: dict[str, Any]) -> GoStruct:
    fields: dict[str, object] = {
        **{name: raw[name] for name in ("Hostname", "Domainname", "User", "AttachStdin", "AttachStdout")},
        "AttachStderr": raw["AttachStderr"],
        "ExposedPorts": GoNil("nat.PortSet", "map"),
        **{name: raw[name] for name in ("Tty", "OpenStdin", "StdinOnce")},
        "Env": _slice(raw["Env"]),
        "Cmd": _slice(raw["Cmd"], "strslice.StrSlice"),
        "Healthcheck": GoNil("*container.HealthConfig"),
        "ArgsEscaped": False,
        "Image": raw["Image"],
        "Volumes": GoNil("map[string]struct {}"),
        "WorkingDir": raw["WorkingDir"],
        "Entrypoint": _slice(raw["Entrypoint"], "strslice.StrSlice"),
        "NetworkDisabled": False,
        "MacAddress": "",
        "OnBuild": _slice(raw["OnBuild"]),
        "Labels": _labels(raw["Labels"]),
        "StopSignal": "",
        "StopTimeout": GoNil("*int"),
        "Shell": GoNil("strslice.StrSlice", "slice"),
    }
    rare = ("ExposedPorts", "Healthcheck", "ArgsEscaped", "NetworkDisabled", "MacAddress", "StopSignal")
    tags = {name: f"{name},omitempty" for name in (*rare, "StopTimeout", "Shell")}
    return GoStruct("container.Config", fields, tags=tags, pointer=True)


def typed(raw: dict[str, Any]) -> GoStruct:
    """types.ImageInspect of docker 20.10."""
    driver, root = raw["GraphDriver"], raw["RootFS"]
    fields: dict[str, object] = {
        "ID": raw["Id"],
        "RepoTags": _slice(raw["RepoTags"]),
        "RepoDigests": _slice(raw["RepoDigests"]),
        **{name: raw[name] for name in ("Parent", "Comment", "Created", "Container")},
        "ContainerConfig": _config(raw["ContainerConfig"]),
        "DockerVersion": raw["DockerVersion"],
        "Author": raw["Author"],
        "Config": _config(raw["Config"]),
        "Architecture": raw["Architecture"],
        "Variant": "",
        "Os": raw["Os"],
        "OsVersion": "",
        "Size": GoInt(raw["Size"]),
        "VirtualSize": GoInt(raw["VirtualSize"]),
        "GraphDriver": GoStruct("types.GraphDriverData", {"Data": GoMap(driver["Data"]), "Name": driver["Name"]}),
        "RootFS": GoStruct(
            "types.RootFS",
            {"Type": root["Type"], "Layers": _slice(root["Layers"]), "BaseLayer": ""},
            tags={"Layers": "Layers,omitempty", "BaseLayer": "BaseLayer,omitempty"},
        ),
        "Metadata": GoStruct("types.ImageMetadata", {"LastTagTime": Time(raw["Metadata"]["LastTagTime"])}),
    }
    tags = {"ID": "Id", "Variant": "Variant,omitempty", "OsVersion": "OsVersion,omitempty"}
    return GoStruct("types.ImageInspect", fields, tags=tags)


def untyped(raw: object) -> object:
    """The JSON as docker's fallback decodes it: numbers keep their text."""
    if isinstance(raw, dict):
        return {key: untyped(value) for key, value in raw.items()}
    if isinstance(raw, list):
        return [untyped(value) for value in raw]
    if isinstance(raw, int) and not isinstance(raw, bool):
        return GoJsonNumber(raw)
    return raw


def inspect(text: str, raw: dict[str, Any]) -> tuple[str, str]:
    """What docker's inspect does with a format: ("out", output) or ("err", message)."""
    try:
        template = parse(text)
    except TemplateError as error:
        return "err", error.message
    try:
        return "out", template.execute(typed(raw))
    except TemplateError:
        pass
    try:
        return "out", template.execute(untyped(raw), missing_key="error")
    except TemplateError as error:
        return "err", error.message
