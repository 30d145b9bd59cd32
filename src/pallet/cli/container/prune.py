"""`pallet container prune`: remove all stopped containers."""

from __future__ import annotations

from pallet.cli.command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.confirm import confirmed
    from pallet.ops.container_prune import prune_containers
    from pallet.units import human_size

    if not opts.force and not confirmed(ctx, "WARNING! This will remove all stopped containers."):
        ctx.print(f"Total reclaimed space: {human_size(0)}")
        return 0
    pruned = prune_containers(ctx.engine, filters=opts.filter)
    if pruned.removed:
        ctx.print("Deleted Containers:")
        for id in pruned.removed:
            ctx.print(id)
        ctx.print()
    ctx.print(f"Total reclaimed space: {human_size(pruned.reclaimed, 4)}")
    return 0


COMMAND = Command(
    "prune [OPTIONS]",
    "Remove all stopped containers",
    _run,
    flags=(
        Flag("filter", kind="filter", help="Provide filter values (e.g. 'until=<timestamp>')"),
        Flag("force", "f", help="Do not prompt for confirmation"),
    ),
    args=(0, 0),
)
