"""`pallet inspect`: containers, images, networks and volumes by any name."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.failure import Failure, daemon
from pallet.errors import InvalidInput, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pallet.cli.command import Options
    from pallet.cli.context import Context
    from pallet.cli.inspection import Found

_KINDS = ("", "container", "image", "network", "volume")


def _finder(kind: str, with_size: bool) -> Callable[[Context, str], Found]:
    if kind == "container":
        from pallet.cli.container.inspect import find_container

        return lambda ctx, name: find_container(ctx, name, with_size=with_size)
    if kind == "image":
        from pallet.cli.image.inspect import find_image

        return find_image
    if kind == "network":
        from pallet.cli.network.inspect import find_network

        return find_network
    from pallet.cli.volume.inspect import find_volume

    return find_volume


def _find(ctx: Context, name: str, kind: str, with_size: bool) -> Found:
    if kind:
        return _finder(kind, with_size)(ctx, name)
    for each in _KINDS[1:]:
        try:
            return _finder(each, with_size)(ctx, name)
        except NotFound:
            continue
        except InvalidInput:  # no name that an image could have
            if each != "image":
                raise
    raise NotFound(f"No such object: {name}")


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.inspection import inspect_each

    if opts.type not in _KINDS:
        raise Failure(f'"{opts.type}" is not a valid value for --type', exit_code=1)
    if opts.size and opts.type not in ("", "container"):
        ctx.warn(f"WARNING: --size ignored for {opts.type}")
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
        Flag("type", kind="string", help="Return JSON for specified type", complete="container image network volume"),
    ),
    args=(1, None),
    fail=daemon(missing=(NotFound,)),
    complete=("object",),
)
