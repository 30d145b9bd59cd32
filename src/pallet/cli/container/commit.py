"""`pallet container commit`: an image from a container's changes."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.failure import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.errors import InvalidReference
    from pallet.ops.commit import commit
    from pallet.reference import parse

    reference = None
    if len(args) > 1 and args[1]:
        try:
            reference = parse(args[1])
        except InvalidReference as error:
            raise Failure(error.message, exit_code=1) from error
        if reference.digest:
            raise Failure("refusing to create a tag with a digest reference", exit_code=1)
    image = commit(
        ctx.engine,
        args[0],
        reference,
        author=opts.author,
        message=opts.message,
        changes=opts.change,
        pause=opts.pause,
    )
    ctx.print(image)
    return 0


COMMAND = Command(
    "commit [OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
    "Create a new image from a container's changes",
    _run,
    example="pallet container commit -a 'me <me@example.com>' -m 'a new page' apache apache:2",
    flags=(
        Flag("author", "a", "string", help='Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")'),
        Flag("change", "c", "list", help="Apply Dockerfile instruction to the created image"),
        Flag("message", "m", "string", help="Commit message"),
        Flag("pause", "p", default=True, help="Pause container during commit"),
    ),
    args=(1, 2),
    complete=("container", "image"),
)
