"""`pallet container attach`: the streams of a running container."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.failure import Failure, from_object
from pallet.cli.shared_flags import DETACH_KEYS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.container.streams import attach_options, output_closed
    from pallet.errors import Conflict
    from pallet.ops.container_attach import attach_container, check_attachable

    record = ctx.engine.store.containers.find(args[0])
    try:
        check_attachable(ctx.engine, record.id)
        stdin = record.config.open_stdin and not opts.no_stdin
        streams = attach_options(
            ctx,
            stdin=stdin,
            tty=record.config.tty,
            detach_keys=opts.detach_keys,
            forward_signals=opts.sig_proxy,
        )
        code = attach_container(ctx.engine, record.id, **streams)
    except BrokenPipeError:
        if not opts.sig_proxy:  # docker's client then dies of SIGPIPE
            raise
        return output_closed(ctx)
    except Conflict as error:  # docker's client finds these itself
        raise Failure(error.message, exit_code=1) from None
    if code is None:
        raise Failure("read escape sequence", exit_code=1)
    return code


COMMAND = Command(
    "attach [OPTIONS] CONTAINER",
    "Attach local standard input, output, and error streams to a running container",
    _run,
    example="pallet attach --detach-keys ctrl-x shell",
    flags=(
        DETACH_KEYS,
        Flag("no-stdin", help="Do not attach STDIN"),
        Flag("sig-proxy", default=True, help="Proxy all received signals to the process"),
    ),
    args=(1, 1),
    fail=from_object,
    complete=("container",),
)
