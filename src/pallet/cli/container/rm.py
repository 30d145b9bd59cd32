"""`pallet container rm`: remove containers."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.failure import from_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.errors import NoSuchContainer
    from pallet.ops.container_remove import remove_container

    def remove(name: str) -> None:
        if opts.link:
            from pallet.ops.container_unlink import remove_link

            remove_link(ctx.engine, name)
        else:
            remove_container(ctx.engine, name.strip("/"), force=opts.force, volumes=opts.volumes)

    code = 0
    for name in args:
        try:
            remove(name)
        except NoSuchContainer as error:
            # With --force docker says so all the same, but does not call it a failure.
            code = code if opts.force else 1
            ctx.warn(f"Error: {error.message}")
        except Exception as error:
            from pallet.errors import PalletError

            if not isinstance(error, PalletError):
                raise
            text, code = from_object(error)
            ctx.warn(text)
        else:
            ctx.print(name)
            ctx.stdout.flush()
    return code


COMMAND = Command(
    "rm [OPTIONS] CONTAINER [CONTAINER...]",
    "Remove one or more containers",
    _run,
    example="pallet rm -f apache",
    flags=(
        Flag("force", "f", help="Force the removal of a running container (uses SIGKILL)"),
        Flag("link", "l", help="Remove the specified link"),
        Flag("volumes", "v", help="Remove anonymous volumes associated with the container"),
    ),
    args=(1, None),
    fail=from_object,
    complete=("container",),
)
