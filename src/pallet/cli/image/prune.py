"""`pallet image prune`: remove images that nothing uses."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.pruning import agreed, image_lines, print_reclaimed, print_removed, prune_flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context

_DANGLING = "WARNING! This will remove all dangling images."
_ALL = "WARNING! This will remove all images without at least one container associated to them."


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.ops.prune_images import prune_images

    if not agreed(ctx, opts, _ALL if opts.all else _DANGLING):
        print_reclaimed(ctx, 0)
        return 0
    pruned = prune_images(ctx.engine, all=opts.all, filters=opts.filter, protect=opts.protect, dry_run=opts.dry_run)
    print_removed(ctx, "Images", image_lines(pruned.removed), dry_run=opts.dry_run)
    print_reclaimed(ctx, pruned.reclaimed, dry_run=opts.dry_run)
    return 0


COMMAND = Command(
    "prune [OPTIONS]",
    "Remove unused images",
    _run,
    example="pallet image prune --all --dry-run --filter unused-for=240h --protect 'base/*'",
    flags=(
        Flag("all", "a", help="Remove all unused images, not just dangling ones"),
        *prune_flags("until=<timestamp>", complete="filters ops.prune_images"),
        Flag("protect", kind="list", help="Keep images whose name matches this pattern", metavar="pattern"),
    ),
    args=(0, 0),
)
