"""`pallet image tag`: one more name for an image."""

from __future__ import annotations

from pallet.cli.command import Command
from pallet.cli.failure import daemon
from pallet.errors import InvalidReference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.ops.tag_image import tag_image

    tag_image(ctx.engine, args[0], args[1])
    return 0


COMMAND = Command(
    "tag SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
    "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
    _run,
    example="pallet image tag ubuntu:18.04 registry.example.com/me/ubuntu:18.04",
    args=(2, 2),
    interspersed=False,
    fail=daemon(plain=(InvalidReference,)),
    complete=("image",),
)
