"""`pallet network inspect`: all there is to know about networks, as JSON."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.failure import from_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pallet.cli.command import Options
    from pallet.cli.context import Context
    from pallet.cli.inspection import Found


def find_network(ctx: Context, name: str) -> Found:
    """A network for `inspect`: as a typed Go value and as docker's JSON.

    Raises:
        NotFound: there is none.
    """
    from pallet.ops.network_inspect import inspect_network

    plain = inspect_network(ctx.engine, name)
    return lambda: _typed(plain), plain


def _typed(plain: dict[str, Any]) -> object:
    from pallet.cli.govalues import string_map
    from pallet.gotemplate import GoMap, GoNil, GoSlice, GoStruct

    def struct(name: str, fields: dict[str, Any], optional: tuple[str, ...] = ()) -> GoStruct:
        return GoStruct(name, fields, tags=dict.fromkeys(optional, ",omitempty"))

    ranges = ("Subnet", "IPRange", "Gateway", "AuxiliaryAddresses")
    configs = [
        struct(
            "network.IPAMConfig",
            {key: each.get(key, "") for key in ranges[:3]} | {ranges[3]: string_map(each.get(ranges[3]))},
            ranges,
        )
        for each in plain["IPAM"]["Config"]
    ]
    ipam = {**plain["IPAM"], "Options": string_map(plain["IPAM"]["Options"])}
    members = {id: struct("types.EndpointResource", each) for id, each in plain["Containers"].items()}
    fields = {
        **plain,
        "IPAM": struct("network.IPAM", {**ipam, "Config": GoSlice(configs, "[]network.IPAMConfig")}),
        "ConfigFrom": struct("network.ConfigReference", plain["ConfigFrom"]),
        "Containers": GoMap(members, "map[string]types.EndpointResource"),
        "Options": string_map(plain["Options"]),
        "Labels": string_map(plain["Labels"]),
        # Of swarm's networks only.
        "Peers": GoNil("[]network.PeerInfo", "slice"),
        "Services": GoNil("map[string]network.ServiceInfo", "map"),
    }
    named = {"ID" if key == "Id" else key: value for key, value in fields.items()}
    return GoStruct("types.NetworkResource", named, tags={"ID": "Id", "Peers": ",omitempty", "Services": ",omitempty"})


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.inspection import inspect_each

    return inspect_each(ctx, args, lambda name: find_network(ctx, name), template=opts.format, fail=COMMAND.fail)


COMMAND = Command(
    "inspect [OPTIONS] NETWORK [NETWORK...]",
    "Display detailed information on one or more networks",
    _run,
    example="pallet network inspect --format '{{json .IPAM.Config}}' bridge",
    flags=(
        Flag("format", "f", "string", help="Format the output using the given Go template"),
        Flag("verbose", "v", help="Verbose output for diagnostics"),
    ),
    args=(1, None),
    fail=from_object,
    complete=("network",),
)
