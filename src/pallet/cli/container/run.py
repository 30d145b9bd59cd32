"""`pallet container run`: a command in a new container."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.container.create_flags import create_flags
from pallet.cli.failure import Failure, running
from pallet.cli.shared_flags import DETACH_KEYS
from pallet.errors import HostError, InvalidInput, PalletError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.container.streams import AttachOptions
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.container.create_words import create_options
    from pallet.cli.container.creation import create
    from pallet.ops.container_run import run_attached, run_detached

    streams: AttachOptions | None = None
    attach: frozenset[str] = frozenset(opts.attach)
    if opts.detach:
        if attach:
            ctx.warn("Conflicting options: -a and -d")
            return 1
    else:
        attach = attach or frozenset(("stdout", "stderr", *(("stdin",) if opts.interactive else ())))
        streams = _streams(ctx, opts, attach)
        if streams is None:
            return 1
    options = create_options(ctx, opts, args, attach=attach)
    record = create(ctx, opts, options)
    if attach.isdisjoint(("stdout", "stderr")):
        ctx.print(record.id)
        ctx.stdout.flush()
    try:
        if streams is None:
            run_detached(ctx.engine, record)
            return 0
        code = run_attached(ctx.engine, record, **streams)
    except BrokenPipeError:
        if not opts.sig_proxy:  # docker's client then dies of SIGPIPE
            raise
        from pallet.cli.container.streams import output_closed

        return output_closed(ctx)
    except PalletError as error:
        if isinstance(error, HostError | InvalidInput):
            raise  # bad words are docker's business at creation, when it points to the help
        # An error of the start: the help is of no use for it.
        raise HostError(error.message, hint=error.hint) from error
    return 0 if code is None else code


def _streams(ctx: Context, opts: Options, attach: frozenset[str]) -> AttachOptions | None:
    from pallet.cli.container.streams import attach_options

    try:
        streams = attach_options(
            ctx,
            stdin=opts.interactive and "stdin" in attach,
            tty=opts.tty,
            detach_keys=opts.detach_keys,
            forward_signals=opts.sig_proxy,
        )
    except Failure as error:
        ctx.warn(error.message)
        return None
    if "stdout" not in attach:
        streams["stdout"] = None
    if "stderr" not in attach:
        streams["stderr"] = None
    return streams


COMMAND = Command(
    "run [OPTIONS] IMAGE [COMMAND] [ARG...]",
    "Run a command in a new container",
    _run,
    example="pallet run -it --rm ubuntu:18.04 bash\npallet run -d --name apache -p 80:80 httpd",
    flags=(
        *create_flags("running"),
        Flag("detach", "d", help="Run container in background and print container ID"),
        DETACH_KEYS,
        Flag("sig-proxy", default=True, help="Proxy received signals to the process"),
    ),
    args=(1, None),
    interspersed=False,
    fail=running("run"),
    complete=("image", ""),
)
