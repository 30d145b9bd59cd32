"""`pallet network rm`: remove networks."""

from __future__ import annotations

from pallet.cli.command import Command
from pallet.cli.failure import from_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.errors import PalletError
    from pallet.ops.network_remove import remove_network

    code = 0
    for name in args:
        try:
            remove_network(ctx.engine, name)
        except PalletError as error:
            text, code = from_object(error)
            ctx.warn(text)
        else:
            ctx.print(name)
    return code


COMMAND = Command(
    "rm NETWORK [NETWORK...]",
    "Remove one or more networks",
    _run,
    example="pallet network rm backend",
    args=(1, None),
    fail=from_object,
    complete=("network",),
)
