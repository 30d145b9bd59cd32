"""What all `prune` commands have in common: flags, docker's question before, and what it says afterwards."""

from __future__ import annotations

from pallet.cli.command import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pallet.cli.command import Options
    from pallet.cli.context import Context
    from pallet.ops.remove_image import Removed


def prune_flags(filter: str, *, complete: str) -> tuple[Flag, ...]:
    """The flags of all of them.

    Args:
        filter: an example of a filter.
        complete: what the shell may offer, as in `Flag`.
    """
    return (
        Flag("dry-run", help="Only show what would be removed"),
        Flag(
            "filter",
            kind="filter",
            help=f"Provide filter values (e.g. '{filter}')",
            complete=complete,
            config="pruneFilters",
        ),
        Flag("force", "f", help="Do not prompt for confirmation"),
    )


def agreed(ctx: Context, opts: Options, warning: str) -> bool:
    """Whether to go on: nothing will be lost, the user does not want to be asked, or is, and says `y`."""
    if opts.force or opts.dry_run:
        return True
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
