"""`pallet container kill`: send a signal to containers."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.failure import from_daemon

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.each import name_each
    from pallet.ops.container_signal import kill_container

    return name_each(ctx, args, lambda name: kill_container(ctx.engine, name, opts.signal), from_daemon)


COMMAND = Command(
    "kill [OPTIONS] CONTAINER [CONTAINER...]",
    "Kill one or more running containers",
    _run,
    example="pallet kill -s HUP apache",
    flags=(Flag("signal", "s", "string", default="KILL", help="Signal to send to the container", complete="signal"),),
    args=(1, None),
    complete=("stoppable",),
)
