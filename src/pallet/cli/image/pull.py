"""`pallet image pull`: images from a registry."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.failure import Failure, daemon
from pallet.errors import InvalidInput
from pallet.naming import DEFAULT_TAG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context
    from pallet.progress import Event


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.streaming import Reporting

    if not opts.all_tags and not opts.platform and _is_up_to_date(ctx, opts, args[0]):
        return 0
    from pallet.ops.pull import pull, pull_all
    from pallet.platform import parse as parse_platform
    from pallet.reference import parse

    reference = parse(args[0])
    platform = parse_platform(opts.platform) if opts.platform else None
    if opts.all_tags:
        if reference.tag or reference.digest:
            raise Failure("tag can't be used with --all-tags/-a", exit_code=1)
        with Reporting(ctx, quiet=opts.quiet) as progress:
            pull_all(ctx.engine, reference, platform=platform, progress=progress)
        ctx.print(reference.name)
        return 0
    if not reference.tag and not reference.digest and not opts.quiet:
        ctx.print("Using default tag: latest")
        ctx.stdout.flush()
    with Reporting(ctx, quiet=opts.quiet) as progress:
        pulled = pull(ctx.engine, reference, platform=platform, progress=progress)
    ctx.print(str(pulled.reference))
    return 0


def _is_up_to_date(ctx: Context, opts: Options, name: str) -> bool:
    """Whether there is nothing to pull; then that has been said."""
    from pallet.cli.streaming import Reporting
    from pallet.ops.up_to_date import up_to_date

    events: list[Event] = []
    reference = up_to_date(ctx.engine, name, events.append)
    if reference is None:
        return False
    if reference == f"{name}:{DEFAULT_TAG}" and not opts.quiet:
        ctx.print("Using default tag: latest")
    with Reporting(ctx, quiet=opts.quiet) as progress:
        for event in events:
            progress(event)
    ctx.print(reference)
    return True


COMMAND = Command(
    "pull [OPTIONS] NAME[:TAG|@DIGEST]",
    "Pull an image or a repository from a registry",
    _run,
    example="pallet image pull ubuntu:18.04\npallet image pull --platform linux/arm64 registry.example.com/me/app",
    flags=(
        Flag("all-tags", "a", help="Download all tagged images in the repository"),
        Flag("platform", kind="string", help="Set platform if server is multi-platform capable"),
        Flag("quiet", "q", help="Suppress verbose output"),
    ),
    args=(1, 1),
    fail=daemon(plain=(InvalidInput,)),
    complete=("image",),
)
