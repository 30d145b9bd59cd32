"""`pallet container stats`: what containers take, once or on and on."""

from __future__ import annotations

import time

from pallet.cli.command import Command, Flag
from pallet.cli.format import Row, print_rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context
    from pallet.ops.container_stats import Usage

_HEADERS = {
    "Container": "CONTAINER",
    "Name": "NAME",
    "ID": "CONTAINER ID",
    "CPUPerc": "CPU %",
    "MemUsage": "MEM USAGE / LIMIT",
    "MemPerc": "MEM %",
    "NetIO": "NET I/O",
    "BlockIO": "BLOCK I/O",
    "PIDs": "PIDS",
}
_COLUMNS = ("ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs")
_UNKNOWN = "--"
_PAUSE = 1.0  # seconds between two looks
_CLEAR = "\033[2J\033[H"


class StatsLine(Row):
    """One container's line."""

    __slots__ = ("_container", "_cpu", "_id", "_name", "_usage")

    FIELDS = tuple(_HEADERS)
    GO_TYPE = "*container.statsContext"

    def __init__(self, container: str, id: str, name: str, usage: Usage, cpu: float | None) -> None:
        self._container = container
        self._id = id
        self._name = name
        self._usage = usage
        self._cpu = cpu

    def field(self, name: str) -> str:
        """The text of one field; `--` for what this machine cannot tell."""
        usage = self._usage
        if name == "Container":
            return self._container
        if name == "ID":
            return self._id
        if name == "Name":
            return self._name
        if name == "CPUPerc":
            return _UNKNOWN if self._cpu is None else f"{self._cpu:.2f}%"
        if name == "PIDs":
            return _UNKNOWN if usage.pids is None else str(usage.pids)
        from pallet.units import bytes_size, human_size

        if name == "MemUsage":
            if usage.memory is None:
                return f"{_UNKNOWN} / {_UNKNOWN}"
            return f"{bytes_size(usage.memory)} / {bytes_size(usage.memory_limit)}"
        if name == "MemPerc":
            if usage.memory is None:
                return _UNKNOWN
            return f"{100 * usage.memory / usage.memory_limit if usage.memory_limit else 0:.2f}%"
        pair = usage.network if name == "NetIO" else usage.block
        return _UNKNOWN if pair is None else f"{human_size(pair[0])} / {human_size(pair[1])}"


class _Watched:
    """The containers that are shown, and what they had taken at the last look."""

    def __init__(self, ctx: Context, names: list[str], *, all: bool, long: bool) -> None:
        self._ctx = ctx
        self._all = all
        self._long = long
        self._named = [(name, ctx.engine.store.containers.find_id(name)) for name in names]
        self._before: dict[str, Usage] = {}

    def look(self) -> list[StatsLine]:
        """One line for each container."""
        from pallet.errors import NoSuchContainer
        from pallet.ops.container_stats import container_usage, cpu_percent, running_ids

        engine = self._ctx.engine
        shown = self._named or [("", id) for id in running_ids(engine, all=self._all)]
        lines, seen = [], {}
        for name, id in shown:
            try:
                usage = seen[id] = container_usage(engine, id)
                own_name = engine.store.containers.brief(id).name
            except NoSuchContainer:
                continue
            cpu = cpu_percent(self._before.get(id, usage), usage)
            lines.append(StatsLine(name or id[:12], id if self._long else id[:12], own_name, usage, cpu))
        self._before = seen
        return lines


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    watched = _Watched(ctx, args, all=opts.all, long=opts.no_trunc)
    lines = watched.look()
    while True:
        if lines:
            time.sleep(_PAUSE)
            lines = watched.look()
        if not opts.no_stream:
            ctx.stdout.write(_CLEAR)
        print_rows(ctx, lines, template=opts.format, columns=_COLUMNS, headers=_HEADERS)
        ctx.stdout.flush()
        if opts.no_stream:
            return 0
        if not lines:
            if args:  # they are all gone
                return 0
            time.sleep(_PAUSE)
            lines = watched.look()


COMMAND = Command(
    "stats [OPTIONS] [CONTAINER...]",
    "Display a live stream of container(s) resource usage statistics",
    _run,
    example="pallet stats --no-stream --format '{{.Name}}: {{.MemUsage}}'",
    flags=(
        Flag("all", "a", help="Show all containers (default shows just running)"),
        Flag("format", kind="string", config="statsFormat", help="Pretty-print images using a Go template"),
        Flag("no-stream", help="Disable streaming stats and only pull the first result"),
        Flag("no-trunc", help="Do not truncate output"),
    ),
    complete=("container",),
)
