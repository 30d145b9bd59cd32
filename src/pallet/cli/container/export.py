"""`pallet container export`: a container's file system as a tar."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.failure import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.ops.export import export

    if not opts.output:
        if ctx.is_terminal():
            raise Failure("cowardly refusing to save to a terminal. Use the -o flag or redirect", exit_code=1)
        export(ctx.engine, args[0], ctx.stdout.buffer)
        return 0
    from pallet.cli.output_file import OutputFile

    with OutputFile(opts.output, "export container") as out:
        export(ctx.engine, args[0], out)
    return 0


COMMAND = Command(
    "export [OPTIONS] CONTAINER",
    "Export a container's filesystem as a tar archive",
    _run,
    example="pallet container export -o apache.tar apache",
    flags=(Flag("output", "o", "string", help="Write to a file, instead of STDOUT", complete="file"),),
    args=(1, 1),
    complete=("container",),
)
