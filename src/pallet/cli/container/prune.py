"""`pallet container prune`: remove all stopped containers."""

from __future__ import annotations

from pallet.cli.command import Command
from pallet.cli.pruning import agreed, print_reclaimed, print_removed, prune_flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.ops.container_prune import prune_containers

    if not agreed(ctx, opts, "WARNING! This will remove all stopped containers."):
        print_reclaimed(ctx, 0)
        return 0
    pruned = prune_containers(ctx.engine, filters=opts.filter, dry_run=opts.dry_run)
    print_removed(ctx, "Containers", pruned.removed, dry_run=opts.dry_run)
    print_reclaimed(ctx, pruned.reclaimed, dry_run=opts.dry_run)
    return 0


COMMAND = Command(
    "prune [OPTIONS]",
    "Remove all stopped containers",
    _run,
    example="pallet container prune --dry-run --filter until=24h",
    flags=prune_flags("until=<timestamp>", complete="filters ops.container_prune"),
    args=(0, 0),
)
