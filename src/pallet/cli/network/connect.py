"""`pallet network connect`: make a container a part of one more network."""

from __future__ import annotations

from pallet.cli.command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from ipaddress import IPv4Address

    from pallet.cli.maps import strings
    from pallet.errors import InvalidInput, Unsupported
    from pallet.ops.network_connect import connect_network
    from pallet.store.container_record import EndpointSettings

    for flag in ("driver-opt", "ip6", "link", "link-local-ip"):
        if opts.changed(flag):
            raise Unsupported(f"--{flag} is not supported")
    if opts.ip:
        try:
            IPv4Address(opts.ip)
        except ValueError:
            raise InvalidInput(f"invalid IPv4 address: {opts.ip}") from None
    settings = EndpointSettings(aliases=tuple(strings(opts.alias)), ip=opts.ip, connected=True)
    connect_network(ctx.engine, args[0], args[1], settings)
    return 0


COMMAND = Command(
    "connect [OPTIONS] NETWORK CONTAINER",
    "Connect a container to a network",
    _run,
    example="pallet network connect --alias db backend postgres",
    flags=(
        Flag("alias", kind="list", help="Add network-scoped alias for the container", metavar="strings"),
        Flag("driver-opt", kind="list", help="driver options for the network", metavar="strings"),
        Flag("ip", kind="string", help="IPv4 address (e.g., 172.30.100.104)"),
        Flag("ip6", kind="string", help="IPv6 address (e.g., 2001:db8::33)"),
        Flag("link", kind="list", help="Add link to another container"),
        Flag("link-local-ip", kind="list", help="Add a link-local address for the container", metavar="strings"),
    ),
    args=(2, 2),
    complete=("network", "container"),
)
