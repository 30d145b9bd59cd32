"""docker's question before something is removed."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.context import Context


def confirmed(ctx: Context, warning: str) -> bool:
    """Ask; anything but `y` means no."""
    ctx.stdout.write(f"{warning}\nAre you sure you want to continue? [y/N] ")
    ctx.stdout.flush()
    return ctx.stdin.readline().strip().lower() == "y"
