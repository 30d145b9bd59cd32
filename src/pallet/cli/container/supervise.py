"""`pallet container supervise`: see to a container's health checks and restarts. Nobody needs to type it."""

from __future__ import annotations

from pallet.cli.command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context

_HIGHEST = 1 << 16


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    import os

    from pallet.engine import Engine
    from pallet.ops.supervise import supervise
    from pallet.settings import Settings

    os.closerange(3, _HIGHEST)  # what the shell that ran pallet had open is not held for the container's life
    os.chdir("/")
    settings = ctx.settings
    engine = Engine(
        Settings(
            settings.root,
            opts.run_dir or settings.run_dir,
            docker_config=settings.docker_config,
            runtime=settings.runtime,
        )
    )
    supervise(engine, args[0])
    return 0


COMMAND = Command(
    "supervise [OPTIONS] CONTAINER",
    "See to a container's health checks and restarts",
    _run,
    flags=(Flag("run-dir", kind="string", help="Directory of running containers' files"),),
    args=(1, 1),
)
