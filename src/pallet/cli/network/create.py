"""`pallet network create`: a new network."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.container.variables import label_word
from pallet.cli.failure import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context
    from pallet.ops.network_checks import PoolOptions


_WHERE = {"gateways": "for the same subnet", "ranges": "on the same subnet"}


def _pools(opts: Options) -> tuple[PoolOptions, ...]:
    """Subnets with ranges, gateways and auxiliary addresses, checked as docker's client does (consolidateIpam)."""
    from ipaddress import ip_address, ip_network

    from pallet.cli.maps import pairs, strings
    from pallet.ops.network_checks import PoolOptions

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

    def only(what: str, texts: list[str], subnet: str) -> str:
        found = [text for text in texts if contains(subnet, text)]
        if len(found) > 1:
            raise Failure(f"cannot configure multiple {what} ({found[1]}, {found[0]}) {_WHERE[what]} ({subnet})")
        return found[0] if found else ""

    return tuple(
        PoolOptions(
            subnet,
            only("gateways", gateways, subnet),
            only("ranges", ranges, subnet),
            {name: text for name, text in auxiliary.items() if contains(subnet, text)},
        )
        for subnet in subnets
    )


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.maps import pairs
    from pallet.errors import Forbidden, NotFound
    from pallet.ops.network_create import NetworkOptions, create_network

    pools = _pools(opts)
    if opts.ingress:
        raise Forbidden("Ingress network can only be global scope network")
    if opts.scope not in ("", "local"):
        raise Forbidden(f"cannot create a {opts.scope} scoped network when swarm is not active")
    if opts.ipam_driver not in ("", "default"):
        raise NotFound(f'plugin "{opts.ipam_driver}" not found')
    options = NetworkOptions(
        name=args[0],
        driver=opts.driver or "bridge",
        pools=pools,
        internal=opts.internal,
        attachable=opts.attachable,
        ipv6=opts.ipv6,
        options=pairs(opts.opt),
        labels=pairs(opts.label),
        ipam_options=pairs(opts.ipam_opt),
        config_only=opts.config_only,
        config_from=opts.config_from,
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
        Flag("label", kind="list", help="Set metadata on a network", read=label_word),
        _map("opt", "o", "Set driver specific options"),
        Flag("scope", kind="string", help="Control the network's scope"),
        Flag("subnet", kind="list", help="Subnet in CIDR format that represents a network segment", metavar="strings"),
    ),
    args=(1, 1),
)
