"""`pallet container logs`: what a container wrote."""

from __future__ import annotations

import os

from pallet.cli.command import Command, Flag
from pallet.cli.failure import Failure, from_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _moment(flag: str, text: str) -> int | None:
    """The moment that a flag names; None without it."""
    from pallet.errors import InvalidInput
    from pallet.ops.times import parse_until

    try:
        return parse_until(text) if text else None
    except InvalidInput as error:
        raise Failure(f'invalid value for "{flag}": {error.message}', exit_code=1) from None


def _write(fd: int, data: bytes) -> None:
    """Write past the buffers, which keep no order between the two streams."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.ops.container_logs import container_logs

    tail = int(opts.tail) if opts.tail.isdecimal() else None
    pieces = container_logs(
        ctx.engine,
        args[0],
        follow=opts.follow,
        tail=tail,
        since=_moment("since", opts.since),
        until=_moment("until", opts.until if opts.until != "0" else ""),
        timestamps=opts.timestamps,
        details=opts.details,
        joined=True,
    )
    ctx.stdout.flush()
    fds = {"stdout": ctx.stdout.fileno(), "stderr": ctx.stderr.fileno()}
    for piece in pieces:
        _write(fds[piece.stream], piece.data)
    return 0


COMMAND = Command(
    "logs [OPTIONS] CONTAINER",
    "Fetch the logs of a container",
    _run,
    example="pallet logs -f --tail 20 apache",
    flags=(
        Flag("details", help="Show extra details provided to logs"),
        Flag("follow", "f", help="Follow log output"),
        Flag(
            "since",
            kind="string",
            help="Show logs since timestamp (e.g. 2013-01-02T13:23:37Z) or relative (e.g. 42m for 42 minutes)",
        ),
        Flag("tail", "n", "string", default="all", help="Number of lines to show from the end of the logs"),
        Flag("timestamps", "t", help="Show timestamps"),
        Flag(
            "until",
            kind="string",
            help="Show logs before a timestamp (e.g. 2013-01-02T13:23:37Z) or relative (e.g. 42m for 42 minutes)",
        ),
    ),
    args=(1, 1),
    fail=from_object,
    complete=("container",),
)
