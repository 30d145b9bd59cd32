"""`pallet container port`: where a container's ports are published."""

from __future__ import annotations

from pallet.cli.command import Command
from pallet.cli.failure import Failure, from_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    containers = ctx.engine.store.containers
    id = containers.find_id(args[0])
    from pallet.ops.container_state import current

    # By the container's port; those of one port in docker's order.
    published = sorted(containers.published(id), key=lambda each: each[0]) if current(ctx.engine, id)[1].running else []
    if len(args) == 1:
        for port, address, number in published:
            ctx.print(f"{port} -> {_address(address, number)}")
        return 0
    wanted = _port(args[1])
    found = [_address(address, number) for port, address, number in published if port == wanted]
    if not found:
        raise Failure(f"Error: No public port '{wanted}' published for {args[0]}", exit_code=1)
    for text in found:
        ctx.print(text)
    return 0


def _port(word: str) -> str:
    """`80` or `80/udp`, with docker's errors: it reads the number as nat.NewPort does."""
    from pallet.cli.values import quoted

    number, slash, protocol = word.partition("/")
    first, dash, last = number.partition("-")
    for part in (first, last) if dash else (first,):
        if not (part.isascii() and part.isdigit()):
            raise Failure(f"strconv.ParseUint: parsing {quoted(part)}: invalid syntax", exit_code=1)
        if int(part) > 65535:
            raise Failure(f"strconv.ParseUint: parsing {quoted(part)}: value out of range", exit_code=1)
    return f"{number}/{protocol if slash else 'tcp'}"


def _address(address: str, number: str) -> str:
    return f"{address or '0.0.0.0'}:{number}"


COMMAND = Command(
    "port CONTAINER [PRIVATE_PORT[/PROTO]]",
    "List port mappings or a specific mapping for the container",
    _run,
    example="pallet port apache\npallet port apache 80/tcp",
    args=(1, 2),
    fail=from_object,
    complete=("container", ""),
)
