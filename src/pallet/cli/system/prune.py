"""`pallet system prune`: remove what nothing uses."""

from __future__ import annotations

from pallet.cli.command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context

_WARNING = """\
WARNING! This will remove:
  - all stopped containers
  - {images}
  - files that interrupted commands left in the store
"""
_DANGLING = "all dangling images"
_ALL = "all images without at least one container associated to them"


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.confirm import confirmed
    from pallet.ops.prune_system import prune_system
    from pallet.units import human_size

    warning = _WARNING.format(images=_ALL if opts.all else _DANGLING)
    if not opts.force and not opts.dry_run and not confirmed(ctx, warning):
        return 0
    pruned = prune_system(ctx.engine, all=opts.all, filters=opts.filter, dry_run=opts.dry_run)
    verb = "Would Delete" if opts.dry_run else "Deleted"
    if pruned.containers:
        ctx.print(f"{verb} Containers:")
        for id in pruned.containers:
            ctx.print(id)
        ctx.print()
    if pruned.images.removed:
        ctx.print(f"{verb} Images:")
        for line in pruned.images.removed:
            ctx.print(f"deleted: {line.deleted}" if line.deleted else f"untagged: {line.untagged}")
        ctx.print()
    if pruned.leftovers:
        ctx.print(f"{verb} Leftovers:")
        for each in pruned.leftovers:
            ctx.print(f"{each.kind}: {each.name}")
        ctx.print()
    ctx.print(f"Total reclaim{'able' if opts.dry_run else 'ed'} space: {human_size(pruned.reclaimed, 4)}")
    return 0


COMMAND = Command(
    "prune [OPTIONS]",
    "Remove unused data",
    _run,
    example="pallet system prune --all --dry-run",
    flags=(
        Flag("all", "a", help="Remove all unused images not just dangling ones"),
        Flag("dry-run", help="Only show what would be removed"),
        Flag("filter", kind="filter", help="Provide filter values (e.g. 'label=<key>=<value>')"),
        Flag("force", "f", help="Do not prompt for confirmation"),
    ),
    args=(0, 0),
)
