"""`pallet logout`: forget a registry's credentials."""

from __future__ import annotations

from pallet.cli.command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context

_HUB = "https://index.docker.io/v1/"


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    server = args[0] if args else _HUB
    if ctx.engine.registry.logout(server):
        ctx.print(f"Removing login credentials for {server}")
    else:
        ctx.print(f"Not logged in to {server}")
    return 0


COMMAND = Command(
    "logout [SERVER]",
    "Log out from a Docker registry",
    _run,
    long="Log out from a Docker registry.\nIf no server is specified, the default is Docker Hub.",
    example="pallet logout registry.example.com",
    args=(0, 1),
)
