"""docker's types.ContainerJSON as a typed value for templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pallet.cli.govalues import config_value, string_map, strings
from pallet.gotemplate import GoInt, GoMap, GoNil, GoSlice, GoStruct

# The structs below docker's fields, with whether a pointer leads to them.
_STRUCTS = {
    "State": ("types.ContainerState", True),
    "HostConfig": ("container.HostConfig", True),
    "NetworkSettings": ("types.NetworkSettings", True),
    "GraphDriver": ("types.GraphDriverData", False),
    "LogConfig": ("container.LogConfig", False),
    "RestartPolicy": ("container.RestartPolicy", False),
    "Health": ("types.Health", True),
}
# The elements of docker's lists of objects.
_ELEMENTS = {
    "Log": "*types.HealthcheckResult",
    "Devices": "container.DeviceMapping",
    "Ulimits": "*units.Ulimit",
    "BlkioWeightDevice": "*blkiodev.WeightDevice",
    "BlkioDeviceReadBps": "*blkiodev.ThrottleDevice",
    "BlkioDeviceWriteBps": "*blkiodev.ThrottleDevice",
    "BlkioDeviceReadIOps": "*blkiodev.ThrottleDevice",
    "BlkioDeviceWriteIOps": "*blkiodev.ThrottleDevice",
}
# What HostConfig may lack in JSON and has in templates.
_ABSENT = {
    "StorageOpt": GoNil("map[string]string"),
    "Tmpfs": GoNil("map[string]string"),
    "Sysctls": GoNil("map[string]string"),
    "Mounts": GoNil("[]mount.Mount"),
    "Init": GoNil("*bool"),
}
# What a container may lack in JSON and has in templates.
_UNSET = {
    "Node": GoNil("*types.ContainerNode"),
    "SizeRw": GoNil("*int64"),
    "SizeRootFs": GoNil("*int64"),
}
_POINTERS = {"PidsLimit": "*int64", "MemorySwappiness": "*int64"}
_INT64 = ("SizeRw", "SizeRootFs", "ShmSize", "Memory", "NanoCpus", "MemorySwap", "MemoryReservation", "KernelMemory")


def container_value(plain: Mapping[str, Any]) -> GoStruct:
    """The typed value of docker's JSON object."""
    fields = {("ID" if key == "Id" else key): _value(key, value) for key, value in plain.items()}
    fields["Config"] = config_value(plain["Config"])
    for name, nothing in _UNSET.items():
        fields.setdefault(name, nothing)
    return GoStruct("types.ContainerJSON", fields, tags={"ID": "Id", **dict.fromkeys(_UNSET, ",omitempty")})


def _value(key: str, value: Any) -> object:
    if key in _STRUCTS and isinstance(value, dict):
        go_type, pointer = _STRUCTS[key]
        fields = {name: _value(name, each) for name, each in value.items()}
        if key == "State":
            fields.setdefault("Health", GoNil("*types.Health"))
        if key == "HostConfig":
            if "Mounts" in value:
                fields["Mounts"] = GoSlice([_spec("mount.Mount", spec) for spec in value["Mounts"]], "[]mount.Mount")
            for name, nothing in _ABSENT.items():
                fields.setdefault(name, nothing)
        tags = dict.fromkeys(("Health", *_ABSENT), ",omitempty")
        return GoStruct(go_type, fields, tags=tags, pointer=pointer)
    if key == "IPAMConfig":
        if value is None:
            return GoNil("*network.EndpointIPAMConfig")
        addresses = {name: value.get(name, "") for name in ("IPv4Address", "IPv6Address")}
        addresses["LinkLocalIPs"] = strings(value.get("LinkLocalIPs"))
        return GoStruct(
            "network.EndpointIPAMConfig", addresses, tags=dict.fromkeys(addresses, ",omitempty"), pointer=True
        )
    if key in ("Ports", "PortBindings"):
        return _ports(value)
    if key == "Networks":
        endpoints = {
            name: GoStruct(
                "network.EndpointSettings",
                {field: _value(field, each) for field, each in endpoint.items()},
                pointer=True,
            )
            for name, endpoint in value.items()
        }
        return GoMap(endpoints, "map[string]*network.EndpointSettings")
    if key == "Mounts" and all("Destination" in mount for mount in value):
        return GoSlice([_mount(mount) for mount in value], "[]types.MountPoint")
    if key in _ELEMENTS and isinstance(value, list):
        go_type = _ELEMENTS[key]
        return GoSlice([_spec(go_type, each) for each in value], f"[]{go_type}")
    if isinstance(value, dict):
        return string_map(value)
    if isinstance(value, list):
        return strings(value)
    if value is None:
        return GoNil(_POINTERS[key]) if key in _POINTERS else GoNil("[]string", "slice")
    return GoInt(value) if key in _INT64 else value


def _spec(go_type: str, plain: Mapping[str, Any]) -> GoStruct:
    """An object as it is, with what is in it."""
    fields = {
        name: _spec("mount." + name, each) if name.endswith(("Options", "Config")) and isinstance(each, dict) else each
        for name, each in plain.items()
    }
    return GoStruct(go_type.removeprefix("*"), fields, pointer=go_type.startswith("*"))


def _mount(mount: Mapping[str, Any]) -> GoStruct:
    order = ("Type", "Name", "Source", "Destination", "Driver", "Mode", "RW", "Propagation")
    fields = {name: mount.get(name, "") for name in order}
    return GoStruct("types.MountPoint", fields, tags=dict.fromkeys(("Type", "Name", "Driver"), ",omitempty"))


def _ports(value: Mapping[str, Any]) -> GoMap:
    def bindings(entries: list[dict[str, str]] | None) -> object:
        if entries is None:
            return GoNil("[]nat.PortBinding", "slice")
        return GoSlice(
            [
                GoStruct(
                    "nat.PortBinding",
                    {"HostIP": each["HostIp"], "HostPort": each["HostPort"]},
                    tags={"HostIP": "HostIp"},
                )
                for each in entries
            ],
            "[]nat.PortBinding",
        )

    return GoMap({port: bindings(entries) for port, entries in value.items()}, "nat.PortMap")
