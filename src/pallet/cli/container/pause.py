"""`pallet container pause`: freeze containers' processes."""

from __future__ import annotations

from pallet.cli.command import Command
from pallet.cli.failure import from_daemon

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.each import name_each
    from pallet.ops.container_pause import pause_container

    return name_each(ctx, args, lambda name: pause_container(ctx.engine, name), from_daemon)


COMMAND = Command(
    "pause CONTAINER [CONTAINER...]",
    "Pause all processes within one or more containers",
    _run,
    args=(1, None),
    complete=("running",),
)
