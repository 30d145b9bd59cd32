"""`pallet volume prune`: remove the volumes that no container has."""

from __future__ import annotations

from pallet.cli.command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context

_WARNING = "WARNING! This will remove all local volumes not used by at least one container."


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.confirm import confirmed
    from pallet.ops.volume_remove import prune_volumes
    from pallet.units import human_size

    if not opts.force and not opts.dry_run and not confirmed(ctx, _WARNING):
        ctx.print(f"Total reclaimed space: {human_size(0)}")
        return 0
    pruned = prune_volumes(ctx.engine, filters=opts.filter, dry_run=opts.dry_run)
    if pruned.removed:
        ctx.print("Would Delete Volumes:" if opts.dry_run else "Deleted Volumes:")
        for name in pruned.removed:
            ctx.print(name)
        ctx.print()
    ctx.print(f"Total reclaim{'able' if opts.dry_run else 'ed'} space: {human_size(pruned.reclaimed, 4)}")
    return 0


COMMAND = Command(
    "prune [OPTIONS]",
    "Remove all unused local volumes",
    _run,
    example="pallet volume prune --dry-run",
    flags=(
        Flag("dry-run", help="Only show what would be removed"),
        Flag("filter", kind="filter", help="Provide filter values (e.g. 'label=<label>')"),
        Flag("force", "f", help="Do not prompt for confirmation"),
    ),
    args=(0, 0),
)
