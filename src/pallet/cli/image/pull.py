"""`pallet image pull`: images from a registry."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.failure import DAEMON, Failure, daemon
from pallet.cli.shared_flags import PLATFORM
from pallet.errors import InvalidInput
from pallet.naming import DEFAULT_TAG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context
    from pallet.layer.worker_process import WorkerProcess
    from pallet.platform import Platform
    from pallet.progress import Event


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    worker = None
    if not opts.all_tags and not opts.platform:
        from pallet.ops.up_to_date import up_to_date

        events: list[Event] = []
        answer = up_to_date(ctx.engine, args[0], events.append)
        if answer.reference:
            _tell(ctx, opts, args[0], answer.reference, events)
            return 0
        if answer.is_there:
            from pallet.layer.worker_process import WorkerProcess

            worker = WorkerProcess()  # it will be needed, and starts while this process loads the rest
    try:
        return _pull(ctx, opts, args[0], worker)
    finally:
        if worker is not None:
            worker.close()


def _pull(ctx: Context, opts: Options, name: str, worker: WorkerProcess | None) -> int:
    from pallet.cli.streaming import Reporting
    from pallet.ops.pull import pull, pull_all
    from pallet.reference import parse

    reference = parse(name)
    if opts.all_tags:
        if reference.tag or reference.digest:
            raise Failure("tag can't be used with --all-tags/-a", exit_code=1)
        platform = _platform(opts.platform)
        with Reporting(ctx, quiet=opts.quiet) as progress:
            pull_all(ctx.engine, reference, platform=platform, progress=progress)
        ctx.print(reference.name)
        return 0
    if not reference.tag and not reference.digest and not opts.quiet:
        ctx.print("Using default tag: latest")
        ctx.stdout.flush()
    platform = _platform(opts.platform)
    with Reporting(ctx, quiet=opts.quiet) as progress:
        pulled = pull(ctx.engine, reference, platform=platform, progress=progress, worker=worker)
    ctx.print(str(pulled.reference))
    return 0


def _platform(text: str) -> Platform | None:
    """The platform asked for; a bad one is the daemon's business."""
    if not text:
        return None
    from pallet.platform import parse

    try:
        return parse(text)
    except InvalidInput as error:
        raise Failure(DAEMON + error.message, exit_code=1) from None


def _tell(ctx: Context, opts: Options, name: str, reference: str, events: list[Event]) -> None:
    """Say that there is nothing to pull, as a pull says it."""
    if not opts.quiet:
        from pallet.cli.streaming import Reporting

        if reference == f"{name}:{DEFAULT_TAG}":
            ctx.print("Using default tag: latest")
        with Reporting(ctx) as progress:
            for event in events:
                progress(event)
    ctx.print(reference)


COMMAND = Command(
    "pull [OPTIONS] NAME[:TAG|@DIGEST]",
    "Pull an image or a repository from a registry",
    _run,
    example="pallet image pull ubuntu:18.04\npallet image pull --platform linux/arm64 registry.example.com/me/app",
    flags=(
        Flag("all-tags", "a", help="Download all tagged images in the repository"),
        PLATFORM,
        Flag("quiet", "q", help="Suppress verbose output"),
    ),
    args=(1, 1),
    fail=daemon(plain=(InvalidInput,)),
    complete=("image",),
)
