"""`pallet network prune`: remove the networks that no container is in."""

from __future__ import annotations

from pallet.cli.command import Command
from pallet.cli.pruning import agreed, print_removed, prune_flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context

_WARNING = "WARNING! This will remove all custom networks not used by at least one container."


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.ops.network_remove import prune_networks

    if not agreed(ctx, opts, _WARNING):
        return 0
    removed = prune_networks(ctx.engine, filters=opts.filter, dry_run=opts.dry_run)
    print_removed(ctx, "Networks", removed, dry_run=opts.dry_run)
    return 0


COMMAND = Command(
    "prune [OPTIONS]",
    "Remove all unused networks",
    _run,
    example="pallet network prune --dry-run",
    flags=prune_flags("until=<timestamp>", complete="filters ops.network_remove"),
    args=(0, 0),
)
