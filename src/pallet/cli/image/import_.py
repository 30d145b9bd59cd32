"""`pallet image import`: an image from a tar of a file system."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.failure import Failure, daemon
from pallet.errors import InvalidInput, InvalidReference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    from pallet.cli.command import Options
    from pallet.cli.context import Context
    from pallet.ops.download import Download


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.ops.import_image import import_image
    from pallet.platform import parse as parse_platform
    from pallet.reference import parse

    reference = parse(args[1]) if len(args) > 1 else None
    if reference is not None and reference.digest:
        raise InvalidInput("cannot import digest reference")
    with _open(ctx, args[0]) as tar:
        image = import_image(
            ctx.engine,
            tar,
            reference,
            source=args[0] if "://" in args[0] else "-",
            message=opts.message,
            changes=opts.change,
            platform=parse_platform(opts.platform) if opts.platform else None,
        )
    ctx.print(image)
    return 0


def _open(ctx: Context, source: str) -> BinaryIO | Download:
    """The tar at a path, at an URL, or on standard input."""
    if source == "-":
        return ctx.stdin.buffer
    if source.startswith(("http://", "https://")):
        from pallet.ops.download import Download

        return Download(source, ctx.settings.proxies)
    try:
        return open(source, "rb", buffering=0)
    except OSError as error:
        raise Failure(f"open {source}: {(error.strerror or str(error)).lower()}", exit_code=1) from error


COMMAND = Command(
    "import [OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
    "Import the contents from a tarball to create a filesystem image",
    _run,
    example='pallet container export apache | pallet image import -c \'CMD ["httpd", "-f"]\' - apache:flat',
    flags=(
        Flag("change", "c", "list", help="Apply Dockerfile instruction to the created image"),
        Flag("message", "m", "string", help="Set commit message for imported image"),
        Flag("platform", kind="string", help="Set platform if server is multi-platform capable"),
    ),
    args=(1, None),
    fail=daemon(plain=(InvalidReference,)),
    complete=("file",),
)
