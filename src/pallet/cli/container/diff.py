"""`pallet container diff`: what a container changed in its file system."""

from __future__ import annotations

from pallet.cli.command import Command
from pallet.cli.failure import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.ops.container_diff import diff_container

    if not args[0]:
        raise Failure("Container name cannot be empty", exit_code=1)
    ctx.stdout.write("".join(f"{letter} {path}\n" for letter, path in diff_container(ctx.engine, args[0])))
    return 0


COMMAND = Command(
    "diff CONTAINER",
    "Inspect changes to files or directories on a container's filesystem",
    _run,
    args=(1, 1),
    complete=("container",),
)
