"""`pallet container cleanup`: settle a container that has ended, or a process of `exec --detach` in it.

conmon runs it; nobody needs to type it.
"""

from __future__ import annotations

from pallet.cli.command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    import os

    from pallet.engine import Engine
    from pallet.ops.container_cleanup import cleanup_container
    from pallet.settings import Settings

    os.chdir("/")  # conmon is in the container's directory, which is about to go
    settings = ctx.settings
    engine = Engine(Settings(settings.root, opts.run_dir or settings.run_dir, docker_config=settings.docker_config))
    if opts.exec:
        from pallet.ops.exec_ends import record_watched_end

        record_watched_end(engine, args[0], opts.exec)
    else:
        cleanup_container(engine, args[0])
    return 0


COMMAND = Command(
    "cleanup [OPTIONS] CONTAINER",
    "Settle the state of a container that has ended",
    _run,
    flags=(
        Flag("exec", kind="string", help="Record the end of this process in the container instead"),
        Flag("run-dir", kind="string", help="Directory of running containers' files"),
    ),
    args=(1, 1),
)
