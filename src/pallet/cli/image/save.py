"""`pallet image save`: images into an archive."""

from __future__ import annotations

import os

from pallet.cli.command import Command, Flag
from pallet.cli.failure import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    from pallet.cli.command import Options
    from pallet.cli.context import Context

FORMATS = ("docker-archive", "oci-archive", "oci-dir")


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    if opts.format not in FORMATS:
        raise Failure(f'unknown format "{opts.format}": use {", ".join(FORMATS)}', exit_code=1)
    if opts.format == "oci-dir":
        return _save_directory(ctx, opts.output, args)
    if not opts.output:
        if ctx.is_terminal():
            raise Failure("cowardly refusing to save to a terminal. Use the -o flag or redirect", exit_code=1)
        _save_archive(ctx, opts.format, args, ctx.stdout.buffer)
        return 0
    from pallet.cli.output_file import OutputFile

    with OutputFile(opts.output, "save image") as out:
        _save_archive(ctx, opts.format, args, out)
    return 0


def _save_archive(ctx: Context, kind: str, names: list[str], out: BinaryIO) -> None:
    from pallet.archive.docker_writer import DockerArchiveSink
    from pallet.archive.oci_writer import OciArchiveSink
    from pallet.ops.save import save

    save(ctx.engine, names, DockerArchiveSink(out) if kind == "docker-archive" else OciArchiveSink(out))


def _save_directory(ctx: Context, directory: str, names: list[str]) -> int:
    from pallet.archive.oci_writer import OciLayoutSink
    from pallet.ops.save import save

    if not directory:
        raise Failure("the format oci-dir needs a directory: use the -o flag", exit_code=1)
    os.makedirs(directory, exist_ok=True)
    save(ctx.engine, names, OciLayoutSink(directory))
    return 0


COMMAND = Command(
    "save [OPTIONS] IMAGE [IMAGE...]",
    "Save one or more images to a tar archive (streamed to STDOUT by default)",
    _run,
    example="pallet image save -o ubuntu.tar ubuntu\npallet image save --format oci-archive ubuntu | gzip > ubuntu.tgz",
    flags=(
        Flag(
            "format",
            kind="string",
            default=FORMATS[0],
            help=f"The archive's format ({'|'.join(FORMATS)})",
            complete=" ".join(FORMATS),
        ),
        Flag("output", "o", "string", help="Write to a file, instead of STDOUT", complete="file"),
    ),
    args=(1, None),
    complete=("image",),
)
