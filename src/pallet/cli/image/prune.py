"""`pallet image prune`: remove images that nothing uses."""

from __future__ import annotations

from pallet.cli.command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context

_DANGLING = "WARNING! This will remove all dangling images."
_ALL = "WARNING! This will remove all images without at least one container associated to them."


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.confirm import confirmed
    from pallet.ops.prune_images import prune_images
    from pallet.units import human_size

    if not opts.force and not opts.dry_run and not confirmed(ctx, _ALL if opts.all else _DANGLING):
        ctx.print(f"Total reclaimed space: {human_size(0)}")
        return 0
    pruned = prune_images(ctx.engine, all=opts.all, filters=opts.filter, protect=opts.protect, dry_run=opts.dry_run)
    if pruned.removed:
        ctx.print("Would Delete Images:" if opts.dry_run else "Deleted Images:")
        for line in pruned.removed:
            ctx.print(f"deleted: {line.deleted}" if line.deleted else f"untagged: {line.untagged}")
        ctx.print()
    ctx.print(f"Total reclaim{'able' if opts.dry_run else 'ed'} space: {human_size(pruned.reclaimed, 4)}")
    return 0


COMMAND = Command(
    "prune [OPTIONS]",
    "Remove unused images",
    _run,
    example="pallet image prune --all --dry-run --filter unused-for=240h --protect 'base/*'",
    flags=(
        Flag("all", "a", help="Remove all unused images, not just dangling ones"),
        Flag("dry-run", help="Only show what would be removed"),
        Flag("filter", kind="filter", help="Provide filter values (e.g. 'until=<timestamp>')"),
        Flag("force", "f", help="Do not prompt for confirmation"),
        Flag("protect", kind="list", help="Keep images whose name matches this pattern", metavar="pattern"),
    ),
    args=(0, 0),
)
