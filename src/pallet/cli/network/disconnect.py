"""`pallet network disconnect`: take a container out of a network."""

from __future__ import annotations

from pallet.cli.command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.ops.network_connect import disconnect_network

    disconnect_network(ctx.engine, args[0], args[1])
    return 0


COMMAND = Command(
    "disconnect [OPTIONS] NETWORK CONTAINER",
    "Disconnect a container from a network",
    _run,
    example="pallet network disconnect backend postgres",
    flags=(Flag("force", "f", help="Force the container to disconnect from a network"),),
    args=(2, 2),
    complete=("network", "container"),
)
