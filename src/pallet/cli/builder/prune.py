"""`pallet builder prune`: remove build cache."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.pruning import agreed, print_reclaimed, print_removed, prune_flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context

_DANGLING = "WARNING! This will remove all dangling build cache."
_ALL = "WARNING! This will remove all build cache."


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.build.prune import prune_builds

    if not agreed(ctx, opts, _ALL if opts.all else _DANGLING):
        print_reclaimed(ctx, 0)
        return 0
    pruned = prune_builds(
        ctx.engine, all=opts.all, filters=opts.filter, keep_storage=opts.keep_storage, dry_run=opts.dry_run
    )
    print_removed(ctx, "build cache objects", pruned.removed, dry_run=opts.dry_run)
    print_reclaimed(ctx, pruned.reclaimed, dry_run=opts.dry_run)
    return 0


COMMAND = Command(
    "prune [OPTIONS]",
    "Remove build cache",
    _run,
    example="pallet builder prune --all --filter unused-for=240h",
    flags=(
        Flag("all", "a", help="Remove all build cache, not just what no image has"),
        *prune_flags("unused-for=24h", complete="id= type= unused-for= until="),
        Flag("keep-storage", kind="bytes", help="Amount of disk space to keep for cache"),
    ),
    args=(0, 0),
)
