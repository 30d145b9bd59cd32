"""`pallet container run`: a command in a new container."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.container.create_flags import create, create_flags, create_options
from pallet.cli.failure import Failure, running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.container.streams import AttachOptions, attach_options
    from pallet.ops.container_run import run_attached, run_detached

    streams: AttachOptions | None = None
    if not opts.detach:
        try:
            streams = attach_options(
                ctx,
                stdin=opts.interactive,
                tty=opts.tty,
                detach_keys=opts.detach_keys,
                forward_signals=opts.sig_proxy,
            )
        except Failure as error:
            ctx.warn(error.message)
            return 1
    if opts.network == "host" and (opts.publish or opts.publish_all):
        ctx.warn("WARNING: Published ports are discarded when using host network mode")
    attach = frozenset(() if opts.detach else ("stdout", "stderr", *(("stdin",) if opts.interactive else ())))
    record = create(ctx, opts, create_options(ctx, opts, args, attach=attach))
    if streams is None:
        ctx.print(record.id)
        ctx.stdout.flush()
        run_detached(ctx.engine, record)
        return 0
    code = run_attached(ctx.engine, record, **streams)
    return 0 if code is None else code


COMMAND = Command(
    "run [OPTIONS] IMAGE [COMMAND] [ARG...]",
    "Run a command in a new container",
    _run,
    example="pallet run -it --rm ubuntu:18.04 bash\npallet run -d --name apache -p 80:80 httpd",
    flags=(
        *create_flags("running"),
        Flag("detach", "d", help="Run container in background and print container ID"),
        Flag("detach-keys", kind="string", help="Override the key sequence for detaching a container"),
        Flag("sig-proxy", default=True, help="Proxy received signals to the process"),
    ),
    args=(1, None),
    interspersed=False,
    fail=running("run"),
    complete=("image", ""),
)
