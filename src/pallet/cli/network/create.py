"""`pallet network create`: a new network."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.failure import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _addresses(opts: Options) -> tuple[str, str, str, dict[str, str]]:
    """Subnet, range, gateway and auxiliary addresses, checked as docker's client does (consolidateIpam)."""
    from ipaddress import ip_address, ip_network

    from pallet.cli.maps import pairs, strings

    subnets, ranges, gateways = strings(opts.subnet), strings(opts.ip_range), strings(opts.gateway)
    auxiliary = pairs(opts.aux_address)
    if len(subnets) < len(ranges) or len(subnets) < len(gateways):
        raise Failure("every ip-range or gateway must have a corresponding subnet")

    def contains(subnet: str, text: str) -> bool:
        try:
            return ip_address(text.partition("/")[0]) in ip_network(subnet, strict=False)
        except ValueError:
            return False

    for number, subnet in enumerate(subnets):
        for other in subnets[:number]:
            if contains(subnet, other) or contains(other, subnet):
                raise Failure("multiple overlapping subnet configuration is not supported")
    for what, texts in (("range", ranges), ("gateway", gateways), ("aux-address", list(auxiliary.values()))):
        for text in texts:
            if not any(contains(subnet, text) for subnet in subnets):
                raise Failure(f"no matching subnet for {what} {text}")
    if len(subnets) > 1:
        from pallet.errors import Forbidden

        raise Forbidden("bridge driver doesn't support multiple subnets")
    first = [(each or [""])[0] for each in (subnets, ranges, gateways)]
    return first[0], first[1], first[2], auxiliary


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.maps import pairs
    from pallet.errors import Forbidden, NotFound, Unsupported
    from pallet.ops.network_create import NetworkOptions, create_network

    subnet, ip_range, gateway, auxiliary = _addresses(opts)
    if opts.ingress:
        raise Forbidden("Ingress network can only be global scope network")
    if opts.scope not in ("", "local"):
        raise Forbidden(f"cannot create a {opts.scope} scoped network when swarm is not active")
    if opts.ipam_driver != "default":
        raise NotFound(f'plugin "{opts.ipam_driver}" not found')
    if opts.config_from:
        raise NotFound(f'configuration network "{opts.config_from}" does not exist')
    if opts.config_only:
        raise Unsupported("configuration only networks are not supported")
    options = NetworkOptions(
        name=args[0],
        driver=opts.driver,
        subnet=subnet,
        gateway=gateway,
        ip_range=ip_range,
        aux_addresses=auxiliary,
        internal=opts.internal,
        attachable=opts.attachable,
        ipv6=opts.ipv6,
        options=pairs(opts.opt),
        labels=pairs(opts.label),
        ipam_options=pairs(opts.ipam_opt),
    )
    ctx.print(create_network(ctx.engine, options).id)
    return 0


def _map(name: str, short: str | None, help: str) -> Flag:
    return Flag(name, short, "list", help=help, metavar="map", shown="map[]")


COMMAND = Command(
    "create [OPTIONS] NETWORK",
    "Create a network",
    _run,
    example="pallet network create --subnet 10.1.0.0/24 backend",
    flags=(
        Flag("attachable", help="Enable manual container attachment"),
        _map("aux-address", None, "Auxiliary IPv4 or IPv6 addresses used by Network driver"),
        Flag("config-from", kind="string", help="The network from which to copy the configuration"),
        Flag("config-only", help="Create a configuration only network"),
        Flag("driver", "d", "string", default="bridge", help="Driver to manage the Network", complete="bridge"),
        Flag("gateway", kind="list", help="IPv4 or IPv6 Gateway for the master subnet", metavar="strings"),
        Flag("ingress", help="Create swarm routing-mesh network"),
        Flag("internal", help="Restrict external access to the network"),
        Flag("ip-range", kind="list", help="Allocate container ip from a sub-range", metavar="strings"),
        Flag("ipam-driver", kind="string", default="default", help="IP Address Management Driver"),
        _map("ipam-opt", None, "Set IPAM driver specific options"),
        Flag("ipv6", help="Enable IPv6 networking"),
        Flag("label", kind="list", help="Set metadata on a network"),
        _map("opt", "o", "Set driver specific options"),
        Flag("scope", kind="string", help="Control the network's scope"),
        Flag("subnet", kind="list", help="Subnet in CIDR format that represents a network segment", metavar="strings"),
    ),
    args=(1, 1),
)
