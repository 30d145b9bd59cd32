"""What all `prune` commands have in common: docker's question before, and what it says afterwards."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pallet.cli.context import Context
    from pallet.ops.remove_image import Removed


def confirmed(ctx: Context, warning: str) -> bool:
    """Ask; anything but `y` means no."""
    ctx.stdout.write(f"{warning}\nAre you sure you want to continue? [y/N] ")
    ctx.stdout.flush()
    return ctx.stdin.readline().strip().lower() == "y"


def print_removed(ctx: Context, what: str, lines: Sequence[str], *, dry_run: bool = False) -> None:
    """Print a section on what was removed (or, in a dry run, would be); none if it was nothing.

    Args:
        ctx: where to.
        what: what the lines are, for the heading.
        lines: one for each that went.
        dry_run: whether all is still there.
    """
    if lines:
        ctx.print("\n".join((f"{'Would Delete' if dry_run else 'Deleted'} {what}:", *lines, "")))


def image_lines(removed: Iterable[Removed]) -> list[str]:
    """The lines on images: names that were taken away, and images that were removed."""
    return [f"deleted: {line.deleted}" if line.deleted else f"untagged: {line.untagged}" for line in removed]


def print_reclaimed(ctx: Context, size: int, *, dry_run: bool = False) -> None:
    """Print the last line, on how many bytes it was."""
    from pallet.units import human_size

    ctx.print(f"Total reclaim{'able' if dry_run else 'ed'} space: {human_size(size, 4)}")
