"""`pallet volume create`: a new volume."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.container.variables import label_word
from pallet.cli.failure import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.maps import pairs
    from pallet.ops.volume_create import create_volume

    if args and opts.name:
        raise Failure("conflicting options: either specify --name or provide positional arg, not both")
    name = args[0] if args else opts.name
    volume = create_volume(ctx.engine, name, driver=opts.driver, labels=pairs(opts.label), options=pairs(opts.opt))
    ctx.print(volume.name)
    return 0


COMMAND = Command(
    "create [OPTIONS] [VOLUME]",
    "Create a volume",
    _run,
    example="pallet volume create --label app=web data\n"
    "pallet volume create -o type=tmpfs -o device=tmpfs -o o=size=64m scratch",
    flags=(
        Flag("driver", "d", "string", default="local", help="Specify volume driver name", complete="local"),
        Flag("label", kind="list", help="Set metadata for a volume", read=label_word),
        Flag("name", kind="string", help="Specify volume name", hidden=True),
        Flag("opt", "o", "list", help="Set driver specific options", metavar="map", shown="map[]"),
    ),
    args=(0, 1),
)
