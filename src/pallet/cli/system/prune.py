"""`pallet system prune`: remove what nothing uses."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.failure import Failure
from pallet.cli.pruning import agreed, image_lines, print_reclaimed, print_removed, prune_flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context

_WARNING = """\
WARNING! This will remove:
  - all stopped containers
  - all networks not used by at least one container
{volumes}  - {images}
  - files that interrupted commands left in the store
"""
_FILTERED = "\n  Items to be pruned will be filtered with:\n"
_VOLUMES = "  - all volumes not used by at least one container\n"
_DANGLING = "all dangling images"
_ALL = "all images without at least one container associated to them"


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.ops.prune_system import prune_system

    warning = _WARNING.format(volumes=_VOLUMES if opts.volumes else "", images=_ALL if opts.all else _DANGLING)
    if opts.filter:
        warning += _FILTERED + "".join(sorted(f"  - {key}={value}\n" for key, value in opts.filter))
    if opts.volumes and any(key == "until" for key, _ in opts.filter):
        raise Failure('ERROR: The "until" filter is not supported with "--volumes"', exit_code=1)
    if not agreed(ctx, opts, warning):
        return 0
    pruned = prune_system(
        ctx.engine, all=opts.all, volumes=opts.volumes, filters=opts.filter, dry_run=opts.dry_run, waiting=ctx.warn
    )
    for what, lines in (
        ("Containers", pruned.containers),
        ("Networks", pruned.networks),
        ("Volumes", pruned.volumes),
        ("Images", image_lines(pruned.images.removed)),
        ("Leftovers", [f"{each.kind}: {each.name}" for each in pruned.leftovers]),
    ):
        print_removed(ctx, what, lines, dry_run=opts.dry_run)
    print_reclaimed(ctx, pruned.reclaimed, dry_run=opts.dry_run)
    return 0


COMMAND = Command(
    "prune [OPTIONS]",
    "Remove unused data",
    _run,
    example="pallet system prune --all --dry-run",
    flags=(
        Flag("all", "a", help="Remove all unused images not just dangling ones"),
        *prune_flags("label=<key>=<value>", complete="filters ops.prune_system"),
        Flag("volumes", help="Prune volumes"),
    ),
    args=(0, 0),
)
