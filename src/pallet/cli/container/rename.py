"""`pallet container rename`: give a container another name."""

from __future__ import annotations

from pallet.cli.command import Command
from pallet.cli.failure import DAEMON, Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.errors import PalletError
    from pallet.ops.container_rename import rename_container

    old, new = (word.strip() for word in args)
    if not old or not new:
        raise Failure("Error: Neither old nor new names may be empty", exit_code=1)
    try:
        rename_container(ctx.engine, old, new)
    except PalletError as error:
        text = f"{DAEMON}{error.message}\nError: failed to rename container named {old}"
        raise Failure(text, exit_code=1) from error
    return 0


COMMAND = Command(
    "rename CONTAINER NEW_NAME",
    "Rename a container",
    _run,
    args=(2, 2),
    complete=("container", ""),
)
