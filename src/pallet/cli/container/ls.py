"""`pallet container ls`: list containers. On the quick path."""

from __future__ import annotations

import time

from pallet.cli.command import Command, Flag
from pallet.cli.failure import Failure
from pallet.cli.format import LabelledRow, print_rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pallet.cli.command import Options
    from pallet.cli.context import Context
    from pallet.ops.container_list import ContainerSummary

_HEADERS = {
    "ID": "CONTAINER ID",
    "Names": "NAMES",
    "Image": "IMAGE",
    "Command": "COMMAND",
    "CreatedAt": "CREATED AT",
    "RunningFor": "CREATED",
    "Ports": "PORTS",
    "State": "STATE",
    "Status": "STATUS",
    "Size": "SIZE",
    "Labels": "LABELS",
    "Mounts": "MOUNTS",
    "LocalVolumes": "LOCAL VOLUMES",
    "Networks": "NETWORKS",
}
RAW = """container_id: {{.ID}}
image: {{.Image}}
command: {{.Command}}
created_at: {{.CreatedAt}}
state: {{- pad .State 1 0}}
status: {{- pad .Status 1 0}}
names: {{.Names}}
labels: {{- pad .Labels 1 0}}
ports: {{- pad .Ports 1 0}}
"""
_COMMAND_WIDTH = 20
_MOUNT_WIDTH = 15


class ContainerLine(LabelledRow):
    """One line of the listing."""

    __slots__ = ("_ctx", "_long", "_summary")

    FIELDS = tuple(_HEADERS)
    GO_TYPE = "*formatter.ContainerContext"

    def __init__(self, ctx: Context, summary: ContainerSummary, *, long: bool) -> None:
        self._ctx = ctx
        self._summary = summary
        self._long = long

    def field(self, name: str) -> str:
        """The text of one field."""
        summary, brief = self._summary, self._summary.brief
        if name == "ID":
            return brief.id if self._long else brief.id[:12]
        if name == "Names":
            return ",".join(summary.names) if self._long else brief.name
        if name == "Image":
            return summary.image_name or "<no image>"
        if name == "Command":
            from pallet.cli.values import quoted

            return quoted(brief.command if self._long else _shortened(brief.command, _COMMAND_WIDTH))
        if name == "CreatedAt":
            return time.strftime("%Y-%m-%d %H:%M:%S +0000 UTC", time.gmtime(brief.created // 10**9))
        if name == "RunningFor":
            return _since(brief.created) + " ago"
        if name == "Ports":
            return shown_ports(summary.ports)
        if name == "State":
            return summary.status.name
        if name == "Status":
            return shown_status(summary)
        if name == "Size":
            return self._size()
        if name == "Labels":
            return self.labels_text()
        if name == "Mounts":
            shown = [volume or source for volume, source, _ in summary.mounts]
            return ",".join(each if self._long else _shortened(each, _MOUNT_WIDTH) for each in shown)
        if name == "LocalVolumes":
            return str(sum(1 for volume, _, _ in summary.mounts if volume))
        return ",".join(summary.networks)

    def labels(self) -> Mapping[str, str]:
        """The labels."""
        return self._summary.labels

    def _size(self) -> str:
        from pallet.errors import NotFound
        from pallet.host.files import tree_size
        from pallet.units import human_size

        brief, store = self._summary.brief, self._ctx.engine.store
        own = tree_size(store.container_dir(brief.id) + "/upper")
        try:
            whole = own + store.images.get(brief.image).size  # type: ignore[arg-type]
        except NotFound:
            whole = own
        return f"{human_size(own)} (virtual {human_size(whole)})"


def shown_ports(ports: list[tuple[str, str, str]]) -> str:
    """docker's text for ports: neighbours with the same address become a range. Source: formatter.DisplayablePorts.

    Args:
        ports: container port (`80/tcp`), host address and host port.
    """
    entries: list[tuple[int, str, int, str]] = []
    for port, ip, host in ports:
        digits, _, kind = port.partition("/")
        entries.append((int(digits), ip, int(host or 0), kind))
    groups: dict[tuple[str, str], list[int]] = {}
    out, mapped = [], []
    for number, ip, host_port, protocol in sorted(entries):
        if ip and host_port != number:
            mapped.append(f"{ip}:{host_port}->{number}/{protocol}")
            continue
        group = groups.get((ip, protocol))
        if group is None:
            groups[ip, protocol] = [number, number]
        elif number == group[1] + 1:
            group[1] = number
        else:
            out.append(_range(ip, protocol, *group))
            groups[ip, protocol] = [number, number]
    out += [_range(ip, protocol, *group) for (ip, protocol), group in groups.items()]
    return ", ".join(out + mapped)


def _range(ip: str, protocol: str, first: int, last: int) -> str:
    text = str(first) if first == last else f"{first}-{last}"
    return f"{ip}:{text}->{text}/{protocol}" if ip else f"{text}/{protocol}"


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _since(nanoseconds: int) -> str:
    from pallet.units import human_duration

    return human_duration(time.time() - nanoseconds / 10**9)


def shown_status(summary: ContainerSummary) -> str:
    """docker's words for what a container is doing: `Up 5 minutes`, `Exited (0) 2 hours ago`, ..."""
    now = summary.status
    if now.name == "restarting":
        return f"Restarting ({now.exit_code}) {_since(now.finished)} ago"
    if now.running:
        text = f"Up {_since(summary.brief.started)}"
        if now.name == "paused":
            return text + " (Paused)"
        health = summary.health
        if health == "none":
            return text
        return text + (" (health: starting)" if health == "starting" else f" ({health})")
    if now.name == "created":
        return "Created"
    return f"Exited ({now.exit_code}) {_since(now.finished)} ago"


class _AnyLine(LabelledRow):
    """A line of nothing: docker runs the template on it before it asks for the containers."""

    __slots__ = ()

    FIELDS = ContainerLine.FIELDS
    GO_TYPE = ContainerLine.GO_TYPE

    def field(self, name: str) -> str:
        return ""

    def labels(self) -> Mapping[str, str]:
        return {}


def _try_template(text: str) -> None:
    source = text.removeprefix("table").strip()
    if not source or source == "json":
        return
    from pallet.errors import TemplateError
    from pallet.gotemplate import parse

    try:
        template = parse(source)
    except TemplateError as error:
        raise Failure(f"failed to parse template: {error.message}", exit_code=1) from None
    try:
        template.execute(_AnyLine())
    except TemplateError as error:
        raise Failure(f"failed to execute template: {error.message}", exit_code=1) from None


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.ops.container_list import list_containers

    _try_template(opts.format)
    last = 1 if opts.latest and opts.last == -1 else max(opts.last, 0)
    summaries = list_containers(ctx.engine, all=opts.all, last=last, filters=opts.filter)
    columns = ("ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names", *(("Size",) if opts.size else ()))
    print_rows(
        ctx,
        [ContainerLine(ctx, summary, long=opts.no_trunc) for summary in summaries],
        template=opts.format,
        columns=columns,
        headers=_HEADERS,
        quiet="ID" if opts.quiet else "",
        named={"raw": "container_id: {{.ID}}" if opts.quiet else RAW + ("size: {{.Size}}\n" if opts.size else "")},
    )
    return 0


COMMAND = Command(
    "ls [OPTIONS]",
    "List containers",
    _run,
    example="pallet ps -a\npallet ps --filter status=exited --format '{{.Names}}: {{.Status}}'",
    flags=(
        Flag("all", "a", help="Show all containers (default shows just running)"),
        Flag(
            "filter",
            "f",
            "filter",
            help="Filter output based on conditions provided",
            complete="filters ops.container_list",
        ),
        Flag("format", kind="string", config="psFormat", help="Pretty-print containers using a Go template"),
        Flag("last", "n", "int", default=-1, help="Show n last created containers (includes all states)"),
        Flag("latest", "l", help="Show the latest created container (includes all states)"),
        Flag("no-trunc", help="Don't truncate output"),
        Flag("quiet", "q", help="Only display container IDs"),
        Flag("size", "s", help="Display total file sizes"),
    ),
    args=(0, 0),
)
