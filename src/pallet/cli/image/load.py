"""`pallet image load`: images from an archive."""

from __future__ import annotations

import os

from pallet.cli.command import Command, Flag
from pallet.cli.failure import Failure, daemon
from pallet.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.streaming import Reporting
    from pallet.ops.load import load

    if opts.input and not os.path.exists(opts.input):
        raise Failure(f"open {opts.input}: no such file or directory", exit_code=1)
    if not opts.input and ctx.is_terminal(ctx.stdin):
        raise Failure("requested load from stdin, but stdin is empty", exit_code=1)
    # The layers' progress is for people: piped output has the result alone, as docker's.
    with Reporting(ctx, quiet=opts.quiet or not ctx.is_terminal(), bare_errors=True) as progress:
        loaded = load(ctx.engine, opts.input or ctx.stdin.buffer, progress=progress)
    if not loaded:
        ctx.print()  # docker's answer to an archive that lists nothing
    for image in loaded:
        for name, before in image.replaced:
            ctx.print(
                f"The image {name.familiar} already exists, renaming the old one with ID {before} to empty string"
            )
        for name in image.names:
            ctx.print(f"Loaded image: {name.familiar}")
        if not image.names:
            ctx.print(f"Loaded image ID: {image.image}")
        if image.only:
            ctx.warn(f"WARNING: {image.only} alone was loaded: the archive lacks other manifests of the image's index")
    return 0


COMMAND = Command(
    "load [OPTIONS]",
    "Load an image from a tar archive or STDIN",
    _run,
    example="pallet image load -i ubuntu.tar\ncurl -s https://example.com/ubuntu.tgz | pallet image load",
    flags=(
        Flag("input", "i", "string", help="Read from tar archive file, instead of STDIN", complete="file"),
        Flag("quiet", "q", help="Suppress the load output"),
    ),
    args=(0, 0),
    fail=daemon(plain=(InvalidInput,)),
)
