"""`pallet network connect`: make a container a part of one more network."""

from __future__ import annotations

from pallet.cli.command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.failure import Failure
    from pallet.cli.maps import pairs, strings
    from pallet.ops.network_connect import connect_network
    from pallet.store.container_record import EndpointSettings

    words = strings(opts.driver_opt)
    if any(not word.partition("=")[1] or not word.partition("=")[0] for word in words):
        raise Failure("invalid key/value pair format in driver options")
    settings = EndpointSettings(
        aliases=tuple(strings(opts.alias)),
        ip=opts.ip,
        ip6=opts.ip6,
        link_local_ips=tuple(strings(opts.link_local_ip)),
        links=tuple(opts.link),
        driver_options=pairs(words),
        connected=True,
    )
    connect_network(ctx.engine, args[0], args[1], settings)
    return 0


def _link(text: str) -> str:
    from pallet.cli.container.create_values import link

    return link(text)


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
        Flag("link", kind="list", help="Add link to another container", read=_link),
        Flag("link-local-ip", kind="list", help="Add a link-local address for the container", metavar="strings"),
    ),
    args=(2, 2),
    complete=("network", "container"),
)
