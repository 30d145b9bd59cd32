"""`pallet inspect`: containers and images by any name."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.failure import Failure, daemon
from pallet.errors import NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context
    from pallet.cli.inspection import Found

_KINDS = ("", "container", "image")


def _find(ctx: Context, name: str, kind: str, with_size: bool) -> Found:
    from pallet.cli.container.inspect import find_container
    from pallet.cli.image.inspect import find_image

    if kind != "image":
        try:
            return find_container(ctx, name, with_size=with_size)
        except NotFound:
            if kind:
                raise
    try:
        return find_image(ctx, name)
    except NotFound:
        if kind:
            raise
    raise NotFound(f"No such object: {name}")


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.inspection import inspect_each

    if opts.type not in _KINDS:
        raise Failure(f'"{opts.type}" is not a valid value for --type', exit_code=1)
    return inspect_each(
        ctx, args, lambda name: _find(ctx, name, opts.type, opts.size), template=opts.format, fail=COMMAND.fail
    )


COMMAND = Command(
    "inspect [OPTIONS] NAME|ID [NAME|ID...]",
    "Return low-level information on Docker objects",
    _run,
    example="pallet inspect --format '{{.State.Status}}' apache",
    flags=(
        Flag("format", "f", "string", help="Format the output using the given Go template"),
        Flag("size", "s", help="Display total file sizes if the type is container"),
        Flag("type", kind="string", help="Return JSON for specified type"),
    ),
    args=(1, None),
    fail=daemon(missing=(NotFound,)),
    complete=("container",),
)
