"""`pallet image history`: the steps that made an image."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.format import Row, print_rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context
    from pallet.ops.history import HistoryStep

_HEADERS = {
    "ID": "IMAGE",
    "CreatedSince": "CREATED",
    "CreatedAt": "CREATED AT",
    "CreatedBy": "CREATED BY",
    "Size": "SIZE",
    "Comment": "COMMENT",
}
_COMMAND_WIDTH = 45


class _Line(Row):
    __slots__ = ("_human", "_long", "_step")

    FIELDS = tuple(_HEADERS)
    GO_TYPE = "*image.historyContext"

    def __init__(self, step: HistoryStep, *, human: bool, long: bool) -> None:
        self._step = step
        self._human = human
        self._long = long

    def field(self, name: str) -> str:
        """The text of one field."""
        step = self._step
        if name == "ID":
            return step.id if self._long else step.id.removeprefix("sha256:")[:12]
        if name == "CreatedAt":
            return _seconds(step.created)
        if name == "CreatedSince":
            return self._since() if self._human else _seconds(step.created)
        if name == "CreatedBy":
            return self._created_by()
        if name == "Comment":
            return step.comment
        if not self._human:
            return str(step.size)
        from pallet.units import human_size

        return human_size(step.size)

    def _since(self) -> str:
        import time

        from pallet.ops.times import parse_rfc3339
        from pallet.units import human_duration

        created = parse_rfc3339(self._step.created)
        if created <= 0:
            return "N/A"
        return human_duration(time.time() - created / 10**9) + " ago"

    def _created_by(self) -> str:
        text = self._step.created_by.replace("\t", " ")
        if self._long or len(text) <= _COMMAND_WIDTH:
            return text
        return text[: _COMMAND_WIDTH - 1] + "…"


def _seconds(created: str) -> str:
    from pallet.ops.times import parse_rfc3339, rfc3339_nano

    return rfc3339_nano(parse_rfc3339(created) // 10**9 * 10**9)


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.ops.history import image_history

    steps = image_history(ctx.engine, args[0])
    print_rows(
        ctx,
        [_Line(step, human=opts.human, long=opts.no_trunc) for step in steps],
        template=opts.format,
        columns=("ID", "CreatedSince" if opts.human else "CreatedAt", "CreatedBy", "Size", "Comment"),
        headers=_HEADERS,
        quiet="ID" if opts.quiet else "",
    )
    return 0


COMMAND = Command(
    "history [OPTIONS] IMAGE",
    "Show the history of an image",
    _run,
    example="pallet image history --no-trunc ubuntu",
    flags=(
        Flag("format", kind="string", help="Pretty-print images using a Go template"),
        Flag("human", "H", default=True, help="Print sizes and dates in human readable format"),
        Flag("no-trunc", help="Don't truncate output"),
        Flag("quiet", "q", help="Only show image IDs"),
    ),
    args=(1, 1),
    complete=("image",),
)
