"""Creating a container from the command line: its image is pulled as `--pull` says."""

from __future__ import annotations

import os

from pallet.cli.failure import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context
    from pallet.ops.create_options import CreateOptions
    from pallet.store.container_record import ContainerRecord


def create(ctx: Context, opts: Options, options: CreateOptions) -> ContainerRecord:
    """Create the container; what the machine cannot do for it is told as docker tells it.

    Raises:
        PalletError: as `create_container` and `pull`.
    """
    from pallet.errors import InvalidReference, NoSuchImage
    from pallet.ops.container_create import create_container

    def warn(text: str) -> None:
        ctx.warn(f"WARNING: {text}")

    if opts.pull not in ("always", "missing", "never"):
        raise Failure(f'invalid pull option: \'{opts.pull}\': must be one of "always", "missing" or "never"')
    if opts.cidfile and os.path.exists(opts.cidfile):
        raise Failure(f"container ID file found, make sure the other container isn't running or delete {opts.cidfile}")
    if opts.pull == "always":
        _pull(ctx, options.image, opts.platform)
    try:
        record = create_container(ctx.engine, options, warn=warn)
    except InvalidReference as error:  # docker's client finds these itself
        raise Failure(error.message) from None
    except NoSuchImage:
        if opts.pull != "missing":
            raise
        _pull(ctx, options.image, opts.platform, missing=True)
        record = create_container(ctx.engine, options, warn=warn)
    if opts.cidfile:
        with open(opts.cidfile, "x") as file:
            file.write(record.id)
    return record


def _pull(ctx: Context, image: str, platform: str, *, missing: bool = False) -> None:
    from pallet.cli.progress import ProgressPrinter
    from pallet.ops.pull import pull
    from pallet.platform import parse as parse_platform
    from pallet.reference import parse

    reference = parse(image).with_default_tag()
    if missing:
        ctx.warn(f"Unable to find image '{reference.familiar}' locally")
    printer = ProgressPrinter(ctx.stderr, ctx.is_terminal(ctx.stderr), ctx.columns())
    try:
        pull(ctx.engine, reference, platform=parse_platform(platform) if platform else None, progress=printer)
    finally:
        printer.close()
