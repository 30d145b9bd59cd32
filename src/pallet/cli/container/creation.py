"""Creating a container from the command line: its image is pulled as `--pull` says."""

from __future__ import annotations

import os

from pallet.cli.container.variables import reading_failure
from pallet.cli.failure import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from pallet.cli.command import Options
    from pallet.cli.context import Context
    from pallet.ops.create_options import CreateOptions
    from pallet.store.container_record import ContainerRecord


class EarlyFailure(Failure):
    """What docker's client finds while it creates a container: for `run` an error of usage, for `create` it is none."""


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
    if opts.platform:
        _check_platform(opts.platform)
    with _IdFile(opts.cidfile) as file:
        try:
            if opts.pull == "always":
                _pull(ctx, options.image, opts.platform)
            record = create_container(ctx.engine, options, warn=warn)
        except InvalidReference as error:  # docker's client finds these itself
            raise EarlyFailure(error.message) from None
        except NoSuchImage:
            if opts.pull != "missing":
                raise
            _pull(ctx, options.image, opts.platform, missing=True)
            record = create_container(ctx.engine, options, warn=warn)
        file.write(record.id)
    return record


class _IdFile:
    """The file for the container's id, made before the container: it goes again if that cannot be made."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: TextIO | None = None

    def __enter__(self) -> _IdFile:
        if self._path:
            try:
                self._file = open(self._path, "x")
            except FileExistsError:
                text = "container ID file found, make sure the other container isn't running or delete "
                raise EarlyFailure(text + self._path) from None
            except OSError as error:
                text = f"failed to create the container ID file: {reading_failure(self._path, error)}"
                raise EarlyFailure(text) from None
        return self

    def write(self, id: str) -> None:
        if self._file is not None:
            self._file.write(id)

    def __exit__(self, kind: object, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            if kind is not None:
                os.unlink(self._path)


def _check_platform(text: str) -> None:
    from pallet.errors import InvalidInput
    from pallet.platform import parse as parse_platform

    try:
        parse_platform(text)
    except InvalidInput as error:
        raise EarlyFailure(f"error parsing specified platform: {error.message}") from None


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
