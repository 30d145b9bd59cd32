"""`pallet system check`: verify what the store holds."""

from __future__ import annotations

from pallet.cli.command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.streaming import Reporting
    from pallet.ops.check import check

    with Reporting(ctx, quiet=not ctx.is_terminal()) as progress:
        checked = check(ctx.engine, repair=opts.repair, quick=opts.quick, progress=progress)
    for finding in checked.findings:
        ctx.print(f"{finding.kind}: {finding.detail}")
    for sentence in checked.repairs:
        ctx.print(f"repair: {sentence}")
    if opts.repair:
        for finding in checked.left:
            ctx.print(f"left: {finding.kind}: {finding.detail}")
    return 1 if checked.left else 0


COMMAND = Command(
    "check [OPTIONS]",
    "Verify the store's content, layers and records",
    _run,
    example="pallet system check --repair",
    flags=(
        Flag("quick", help="Only see that unpacked layers are there, not what is in them"),
        Flag("repair", help="Fetch or unpack again what is damaged, or drop it"),
    ),
    args=(0, 0),
)
