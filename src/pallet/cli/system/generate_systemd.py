"""`pallet system generate-systemd`: units that start containers at boot."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.failure import Failure, from_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.ops.boot import systemd_units

    units = systemd_units(ctx.engine, args, ctx.environ)
    for name, text in units.items():
        if not opts.directory:
            ctx.stdout.write((f"# {name}\n" if len(units) > 1 else "") + text)
            continue
        path = f"{opts.directory}/{name}"
        try:
            with open(path, "w") as file:
                file.write(text)
        except OSError as error:
            raise Failure(f"cannot write {path}: {error.strerror}") from None
        ctx.print(path)
    return 0


COMMAND = Command(
    "generate-systemd [OPTIONS] [CONTAINER...]",
    "Write systemd units that start containers at boot",
    _run,
    long=(
        "Write systemd units that start containers at boot\n\n"
        "Without a container, one unit starts all containers that have a restart policy."
    ),
    example=(
        "pallet system generate-systemd >/etc/systemd/system/pallet.service\n"
        "pallet system generate-systemd -d /etc/systemd/system apache"
    ),
    flags=(Flag("directory", "d", "string", help="Write each unit to a file in this directory", complete="dir"),),
    args=(0, None),
    fail=from_object,
    complete=("container",),
)
