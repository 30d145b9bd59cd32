"""`pallet container wait`: until containers have ended."""

from __future__ import annotations

from pallet.cli.command import Command
from pallet.cli.failure import from_daemon

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.each import for_each
    from pallet.ops.container_wait import wait_container

    def wait(name: str) -> None:
        ctx.print(str(wait_container(ctx.engine, name)))
        ctx.stdout.flush()

    return for_each(ctx, args, wait, from_daemon)


COMMAND = Command(
    "wait CONTAINER [CONTAINER...]",
    "Block until one or more containers stop, then print their exit codes",
    _run,
    args=(1, None),
    complete=("container",),
)
