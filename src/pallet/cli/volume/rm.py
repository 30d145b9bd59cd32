"""`pallet volume rm`: remove volumes."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.failure import from_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.each import name_each
    from pallet.ops.volume_remove import remove_volume

    return name_each(ctx, args, lambda name: remove_volume(ctx.engine, name, force=opts.force), from_object)


COMMAND = Command(
    "rm [OPTIONS] VOLUME [VOLUME...]",
    "Remove one or more volumes",
    _run,
    long="Remove one or more volumes. You cannot remove a volume that is in use by a container.",
    example="pallet volume rm data",
    flags=(Flag("force", "f", help="Force the removal of one or more volumes"),),
    args=(1, None),
    fail=from_object,
    complete=("volume",),
)
