"""`pallet image push`: images to a registry."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.failure import Failure, daemon
from pallet.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.streaming import Reporting
    from pallet.ops.push import push, push_all
    from pallet.reference import parse

    reference = parse(args[0])
    if reference.digest:
        raise Failure("cannot push a digest reference", exit_code=1)
    if opts.all_tags:
        if reference.tag:
            raise Failure("tag can't be used with --all-tags/-a", exit_code=1)
        with Reporting(ctx, quiet=opts.quiet, bare_errors=True) as progress:
            push_all(ctx.engine, reference, progress=progress)
        if opts.quiet:
            ctx.print(str(reference))
        return 0
    if not reference.tag and not opts.quiet:
        ctx.print("Using default tag: latest")
        ctx.stdout.flush()
    with Reporting(ctx, quiet=opts.quiet, bare_errors=True) as progress:
        pushed = push(ctx.engine, reference, progress=progress)
    if opts.quiet:
        ctx.print(str(pushed.reference))
    return 0


COMMAND = Command(
    "push [OPTIONS] NAME[:TAG]",
    "Push an image or a repository to a registry",
    _run,
    example="pallet image push registry.example.com/me/app:1.0",
    flags=(
        Flag("all-tags", "a", help="Push all tagged images in the repository"),
        Flag("quiet", "q", help="Suppress verbose output"),
    ),
    args=(1, 1),
    fail=daemon(plain=(InvalidInput,)),
    complete=("image",),
)
