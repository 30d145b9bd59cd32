"""`pallet image rm`: remove names and images."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.failure import from_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.each import for_each
    from pallet.errors import NoSuchImage
    from pallet.ops.remove_image import remove_image

    def remove(name: str) -> None:
        try:
            if not name:  # docker's client does not even ask
                raise NoSuchImage(name)
            removed = remove_image(ctx.engine, name, force=opts.force, prune_parents=not opts.no_prune)
        except NoSuchImage as error:
            # The user's word, not the whole name that the daemon would have looked for.
            raise NoSuchImage(name) from error
        for line in removed:
            ctx.print(f"Deleted: {line.deleted}" if line.deleted else f"Untagged: {line.untagged}")

    code = for_each(ctx, args, remove, from_object)
    return 0 if opts.force and code == 1 and _only_missing(ctx, args) else code


def _only_missing(ctx: Context, args: list[str]) -> bool:
    """With --force docker does not mind images that are not there."""
    from pallet.errors import NoSuchImage

    for name in args:
        try:
            ctx.engine.store.images.resolve(name)
        except NoSuchImage:
            continue
        return False
    return True


COMMAND = Command(
    "rm [OPTIONS] IMAGE [IMAGE...]",
    "Remove one or more images",
    _run,
    example="pallet image rm ubuntu:18.04",
    flags=(
        Flag("force", "f", help="Force removal of the image"),
        Flag("no-prune", help="Do not delete untagged parents"),
    ),
    args=(1, None),
    fail=from_object,
    complete=("image",),
)
