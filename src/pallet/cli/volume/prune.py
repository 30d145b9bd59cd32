"""`pallet volume prune`: remove the volumes that no container has."""

from __future__ import annotations

from pallet.cli.command import Command
from pallet.cli.pruning import agreed, print_reclaimed, print_removed, prune_flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context

_WARNING = "WARNING! This will remove all local volumes not used by at least one container."


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.ops.volume_remove import prune_volumes

    if not agreed(ctx, opts, _WARNING):
        print_reclaimed(ctx, 0)
        return 0
    pruned = prune_volumes(ctx.engine, filters=opts.filter, dry_run=opts.dry_run)
    print_removed(ctx, "Volumes", pruned.removed, dry_run=opts.dry_run)
    print_reclaimed(ctx, pruned.reclaimed, dry_run=opts.dry_run)
    return 0


COMMAND = Command(
    "prune [OPTIONS]",
    "Remove all unused local volumes",
    _run,
    example="pallet volume prune --dry-run",
    flags=prune_flags("label=<label>", complete="filters ops.volume_remove"),
    args=(0, 0),
)
