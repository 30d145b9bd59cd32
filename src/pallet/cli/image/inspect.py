"""`pallet image inspect`: all there is to know about images."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.failure import from_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context
    from pallet.cli.inspection import Found


def find_image(ctx: Context, name: str) -> Found:
    """The image with this name, typed and as JSON."""
    from pallet.errors import InvalidReference, NoSuchImage
    from pallet.ops.inspect_image import inspect_image

    try:
        if not name:  # docker's client does not even ask
            raise NoSuchImage(name)
        image = inspect_image(ctx.engine, name)
    except NoSuchImage as error:
        # The user's word, not the whole name that the daemon would have looked for.
        raise NoSuchImage(name) from error
    except InvalidReference as error:
        raise InvalidReference(f"no such image: {name}: {error.message}") from error

    def typed() -> object:
        from pallet.cli.image.govalue import image_value

        return image_value(image)

    return typed, image


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.inspection import inspect_each

    return inspect_each(ctx, args, lambda name: find_image(ctx, name), template=opts.format, fail=from_object)


COMMAND = Command(
    "inspect [OPTIONS] IMAGE [IMAGE...]",
    "Display detailed information on one or more images",
    _run,
    example="pallet image inspect ubuntu\npallet image inspect --format='{{ .RepoTags }}' ubuntu:18.04",
    flags=(Flag("format", "f", "string", help="Format the output using the given Go template"),),
    args=(1, None),
    fail=from_object,
    complete=("image",),
)
