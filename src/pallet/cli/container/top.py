"""`pallet container top`: a container's processes."""

from __future__ import annotations

from pallet.cli.command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context

_NARROWEST = 20


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.table import align
    from pallet.ops.container_top import container_top

    found = container_top(ctx.engine, args[0], args[1:])
    lines = ["\t".join(cells) for cells in (found.titles, *found.rows)]
    ctx.stdout.write(align("".join(line + "\n" for line in lines), narrowest=_NARROWEST))
    return 0


COMMAND = Command(
    "top CONTAINER [ps OPTIONS]",
    "Display the running processes of a container",
    _run,
    example="pallet top apache\npallet top apache -o pid,cmd",
    args=(1, None),
    interspersed=False,
    complete=("container", ""),
)
