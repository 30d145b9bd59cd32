"""`pallet container create`: a new container that is not started yet."""

from __future__ import annotations

from pallet.cli.command import Command
from pallet.cli.container.create_flags import create_flags
from pallet.cli.failure import Failure, from_daemon, running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context
    from pallet.errors import PalletError


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.container.create_words import create_options
    from pallet.cli.container.creation import create

    attach = frozenset(opts.attach or ("stdout", "stderr", *(("stdin",) if opts.interactive else ())))
    record = create(ctx, opts, create_options(ctx, opts, args, attach=attach))
    ctx.print(record.id)
    return 0


_fail_early = running("create")


def _fail(error: PalletError) -> tuple[str, int]:
    """What docker's client finds itself is an error of usage, unlike with `run` what the daemon finds is none."""
    from pallet.cli.container.creation import EarlyFailure

    if isinstance(error, EarlyFailure):
        return error.message, 1
    if isinstance(error, Failure) and error.exit_code is None:
        return _fail_early(error)
    return from_daemon(error)


COMMAND = Command(
    "create [OPTIONS] IMAGE [COMMAND] [ARG...]",
    "Create a new container",
    _run,
    example="pallet create --name apache -p 80:80 httpd",
    flags=create_flags("creating"),
    args=(1, None),
    interspersed=False,
    fail=_fail,
    complete=("image", ""),
)
