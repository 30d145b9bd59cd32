"""`pallet container start`: start containers again."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.failure import Failure, from_daemon, from_object
from pallet.cli.shared_flags import DETACH_KEYS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    experimental = [name for name in ("checkpoint", "checkpoint-dir") if opts.changed(name)]
    if experimental:
        text = '"--%s" is only supported on a Docker daemon with experimental features enabled'
        raise Failure("\n".join(text % name for name in experimental), exit_code=1)
    if opts.attach or opts.interactive:
        return _start_attached(ctx, opts, args)
    from pallet.errors import PalletError
    from pallet.ops.container_run import run_detached

    failed = []
    for name in args:
        try:
            run_detached(ctx.engine, ctx.engine.store.containers.find(name))
        except PalletError as error:
            ctx.warn(from_daemon(error)[0])
            failed.append(name)
        else:
            ctx.print(name)
            ctx.stdout.flush()
    if failed:
        raise Failure(f"Error: failed to start containers: {', '.join(failed)}", exit_code=1)
    return 0


def _start_attached(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.container.streams import attach_options, output_closed
    from pallet.ops.container_attach import attach_container
    from pallet.ops.container_run import run_attached
    from pallet.ops.container_state import current

    if len(args) > 1:
        raise Failure("you cannot start and attach multiple containers at once", exit_code=1)
    record = ctx.engine.store.containers.find(args[0])
    interactive = opts.interactive and record.config.open_stdin
    streams = attach_options(ctx, stdin=interactive, tty=record.config.tty, detach_keys=opts.detach_keys)
    running = current(ctx.engine, record.id)[1].name == "running"
    try:
        if running:
            code = attach_container(ctx.engine, record.id, **streams)
        else:
            code = run_attached(ctx.engine, record, **streams)
    except BrokenPipeError:
        return output_closed(ctx)
    return 0 if code is None else code


COMMAND = Command(
    "start [OPTIONS] CONTAINER [CONTAINER...]",
    "Start one or more stopped containers",
    _run,
    example="pallet start -ai shell",
    flags=(
        Flag("checkpoint", kind="string", hidden=True),
        Flag("checkpoint-dir", kind="string", hidden=True),
        Flag("attach", "a", help="Attach STDOUT/STDERR and forward signals"),
        DETACH_KEYS,
        Flag("interactive", "i", help="Attach container's STDIN"),
    ),
    args=(1, None),
    fail=from_object,
    complete=("startable",),
)
