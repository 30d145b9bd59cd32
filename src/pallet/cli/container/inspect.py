"""`pallet container inspect`: all there is to know about containers."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.failure import from_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context
    from pallet.cli.inspection import Found


def find_container(ctx: Context, name: str, *, with_size: bool = False) -> Found:
    """The container with this name, typed and as JSON."""
    from pallet.ops.container_inspect import inspect_container

    plain = inspect_container(ctx.engine, name, with_size=with_size)

    def typed() -> object:
        from pallet.cli.container.govalue import container_value

        return container_value(plain)

    return typed, plain


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.inspection import inspect_each

    def find(name: str) -> Found:
        return find_container(ctx, name, with_size=opts.size)

    return inspect_each(ctx, args, find, template=opts.format, fail=from_object)


COMMAND = Command(
    "inspect [OPTIONS] CONTAINER [CONTAINER...]",
    "Display detailed information on one or more containers",
    _run,
    example="pallet container inspect apache\n"
    "pallet container inspect --format '{{.NetworkSettings.IPAddress}}' apache",
    flags=(
        Flag("format", "f", "string", help="Format the output using the given Go template"),
        Flag("size", "s", help="Display total file sizes"),
    ),
    args=(1, None),
    fail=from_object,
    complete=("container",),
)
