"""`pallet container stop`: ask containers to end, then make them."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.failure import from_daemon

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.each import name_each
    from pallet.ops.container_signal import stop_container

    timeout = opts.time if opts.changed("time") else None

    return name_each(ctx, args, lambda name: stop_container(ctx.engine, name, timeout=timeout), from_daemon)


COMMAND = Command(
    "stop [OPTIONS] CONTAINER [CONTAINER...]",
    "Stop one or more running containers",
    _run,
    example="pallet stop -t 2 apache",
    flags=(Flag("time", "t", "int", default=10, help="Seconds to wait for stop before killing it"),),
    args=(1, None),
    complete=("stoppable",),
)
