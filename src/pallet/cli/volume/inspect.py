"""`pallet volume inspect`: all there is to know about volumes, as JSON."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.failure import from_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context
    from pallet.cli.inspection import Found


def find_volume(ctx: Context, name: str) -> Found:
    """A volume for `inspect`: as a typed Go value and as docker's JSON.

    Raises:
        NotFound: there is none.
    """
    from pallet.ops.volume_list import inspect_volume

    plain = inspect_volume(ctx.engine, name)

    def typed() -> object:
        from pallet.cli.govalues import string_map
        from pallet.gotemplate import GoNil, GoStruct

        fields = {**plain, **{key: string_map(plain[key]) for key in ("Labels", "Options")}}
        unset = {"Status": GoNil("map[string]interface {}", "map"), "UsageData": GoNil("*types.VolumeUsageData")}
        return GoStruct("types.Volume", {**fields, **unset}, tags=dict.fromkeys(unset, ",omitempty"))

    return typed, plain


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.cli.inspection import inspect_each

    return inspect_each(
        ctx, args, lambda name: find_volume(ctx, name), template=opts.format, fail=COMMAND.fail, typed_only=True
    )


COMMAND = Command(
    "inspect [OPTIONS] VOLUME [VOLUME...]",
    "Display detailed information on one or more volumes",
    _run,
    example="pallet volume inspect --format '{{.Mountpoint}}' data",
    flags=(Flag("format", "f", "string", help="Format the output using the given Go template"),),
    args=(1, None),
    fail=from_object,
    complete=("volume",),
)
