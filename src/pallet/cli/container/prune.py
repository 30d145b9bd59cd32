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

    if not opts.force and not opts.dry_run and not confirmed(ctx, "WARNING! This will remove all stopped containers."):
        ctx.print(f"Total reclaimed space: {human_size(0)}")
        return 0
    pruned = prune_containers(ctx.engine, filters=opts.filter, dry_run=opts.dry_run)
    if pruned.removed:
        ctx.print("Would Delete Containers:" if opts.dry_run else "Deleted Containers:")
        for id in pruned.removed:
            ctx.print(id)
        ctx.print()
    ctx.print(f"Total reclaim{'able' if opts.dry_run else 'ed'} space: {human_size(pruned.reclaimed, 4)}")
    return 0


COMMAND = Command(
    "prune [OPTIONS]",
    "Remove all stopped containers",
    _run,
    example="pallet container prune --dry-run --filter until=24h",
    flags=(
        Flag("dry-run", help="Only show what would be removed"),
        Flag("filter", kind="filter", help="Provide filter values (e.g. 'until=<timestamp>')"),
        Flag("force", "f", help="Do not prompt for confirmation"),
    ),
    args=(0, 0),
)
