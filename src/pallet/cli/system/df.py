"""`pallet system df`: where the bytes are."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.format import Row, print_rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pallet.cli.command import Options
    from pallet.cli.context import Context
    from pallet.ops.disk_usage import DiskUsage

_HEADERS = {"Type": "TYPE", "TotalCount": "TOTAL", "Active": "ACTIVE", "Size": "SIZE", "Reclaimable": "RECLAIMABLE"}


class _Line(Row):
    __slots__ = ("_texts",)

    FIELDS = tuple(_HEADERS)
    GO_TYPE = "*formatter.diskUsageContext"

    def __init__(self, kind: str, total: int, active: int, size: int, reclaimable: int) -> None:
        from pallet.units import human_size

        share = f" ({reclaimable * 100 // size}%)" if size > 0 else ""
        self._texts = (kind, str(total), str(active), human_size(size, 4), human_size(reclaimable, 4) + share)

    def field(self, name: str) -> str:
        """The text of one field."""
        return self._texts[self.FIELDS.index(name)]


def _summary(usage: DiskUsage) -> list[_Line]:
    idle = sum(each.size for each in usage.containers if not each.running)
    written = sum(each.size for each in usage.containers)
    return [
        _Line(
            "Images",
            len(usage.images),
            sum(1 for image in usage.images if image.containers),
            usage.layers,
            usage.reclaimable,
        ),
        _Line("Containers", len(usage.containers), sum(each.running for each in usage.containers), written, idle),
        _Line(
            "Local Volumes",
            len(usage.volumes),
            sum(1 for volume in usage.volumes if volume.links),
            sum(volume.size for volume in usage.volumes),
            sum(volume.size for volume in usage.volumes if not volume.links),
        ),
        _Line("Build Cache", len(usage.cache), 0, usage.cache_bytes, usage.cache_bytes),
        _Line("Compressed Blobs", usage.blobs, 0, usage.blob_bytes, 0),
    ]


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.ops.disk_usage import disk_usage

    usage = disk_usage(ctx.engine)
    if opts.verbose and not opts.format:
        _print_details(ctx, usage)
        return 0
    if opts.verbose:
        print_rows(ctx, [_Details(ctx, usage)], template=opts.format, columns=(), headers={}, ending="")
        return 0
    print_rows(ctx, _summary(usage), template=opts.format, columns=tuple(_HEADERS), headers=_HEADERS)
    return 0


_DETAILS = {
    "Images": ("Repository", "Tag", "ID", "CreatedSince", "Size", "SharedSize", "UniqueSize", "Containers"),
    "Containers": ("ID", "Image", "Command", "LocalVolumes", "Size", "RunningFor", "Status", "Names"),
    "Volumes": ("Name", "Links", "Size"),
    "BuildCache": ("ID", "CacheType", "Size", "CreatedSince", "LastUsedSince", "UsageCount", "Shared"),
}


class _Details(Row):
    """All of it for one template, as `-v --format` has it: `{{range .Volumes}}{{.Name}}{{end}}`."""

    __slots__ = ("_ctx", "_usage")

    FIELDS = tuple(_DETAILS)
    GO_TYPE = "*formatter.diskUsageContext"

    def __init__(self, ctx: Context, usage: DiskUsage) -> None:
        self._ctx = ctx
        self._usage = usage

    def __go_field__(self, name: str) -> object:
        from pallet.gotemplate import GoSlice, GoStruct

        names = _DETAILS[name]
        rows: Iterable[tuple[str, ...]]
        if name == "Images":
            rows = _image_rows(self._usage, digits=3)
        elif name == "Containers":
            rows = _container_rows(self._ctx, self._usage)
        elif name == "Volumes":
            rows = _volume_rows(self._usage)
        else:
            rows = _cache_rows(self._usage)
        fields = sorted(range(len(names)), key=lambda place: names[place])
        structs = [GoStruct("formatter.SubContext", {names[at]: row[at] for at in fields}) for row in rows]
        return GoSlice(structs, "[]formatter.SubContext")

    def __go_json__(self) -> object:
        return {name: self.__go_field__(name) for name in sorted(_DETAILS)}


def _print_details(ctx: Context, usage: DiskUsage) -> None:
    ctx.print("Images space usage:\n")
    _table(
        ctx,
        ("REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS"),
        _image_rows(usage),
    )
    ctx.print("\nContainers space usage:\n")
    _table(
        ctx,
        ("CONTAINER ID", "IMAGE", "COMMAND", "LOCAL VOLUMES", "SIZE", "CREATED", "STATUS", "NAMES"),
        _container_rows(ctx, usage),
    )
    from pallet.units import human_size

    ctx.print("\nLocal Volumes space usage:\n")
    _table(ctx, ("VOLUME NAME", "LINKS", "SIZE"), _volume_rows(usage))
    ctx.print(f"\nBuild cache usage: {human_size(usage.cache_bytes, 4)}\n")
    _table(ctx, ("CACHE ID", "CACHE TYPE", "SIZE", "CREATED", "LAST USED", "USAGE", "SHARED"), _cache_rows(usage))
    ctx.print(f"\nCompressed blobs, for push and save: {usage.blobs}, {human_size(usage.blob_bytes)}")


def _table(ctx: Context, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    from pallet.cli.table import render

    ctx.stdout.write(render(header, rows))


def _image_rows(usage: DiskUsage, *, digits: int = 4) -> Iterable[tuple[str, ...]]:
    from pallet.units import human_size

    for image in usage.images:
        for name in image.names or ("<none>:<none>",):
            repository, _, tag = name.rpartition(":")
            sizes = (image.size, image.shared, image.size - image.shared)
            texts = tuple(human_size(size, digits) for size in sizes)
            yield (repository, tag, image.id.short, _ago(image.created), *texts, str(image.containers))


def _volume_rows(usage: DiskUsage) -> Iterable[tuple[str, ...]]:
    from pallet.units import human_size

    return [(each.name, str(each.links), human_size(each.size, 4)) for each in usage.volumes]


def _cache_rows(usage: DiskUsage) -> Iterable[tuple[str, ...]]:
    from pallet.units import human_size

    for layer in usage.cache:
        times = (_ago(layer.created), _ago(layer.used))
        yield (layer.key.short, "regular", human_size(layer.size, 4), *times, str(layer.uses), "false")


def _container_rows(ctx: Context, usage: DiskUsage) -> Iterable[tuple[str, ...]]:
    from pallet.cli.container.ls import shown_status
    from pallet.ops.container_list import list_containers
    from pallet.units import human_size

    states = {each.brief.id: shown_status(each) for each in list_containers(ctx.engine, all=True)}

    for each in usage.containers:
        record = each.record
        command = " ".join((record.path, *record.args))
        shown = command if len(command) <= 20 else command[:19] + "…"
        size = human_size(each.size)
        state = states.get(record.id, "")
        volumes, created = str(each.volumes), _ago(record.created)
        yield (record.id[:12], record.image_name, f'"{shown}"', volumes, size, created, state, record.name)


def _ago(nanoseconds: int) -> str:
    import time

    from pallet.units import human_duration

    return human_duration(time.time() - nanoseconds / 10**9) + " ago"


COMMAND = Command(
    "df [OPTIONS]",
    "Show pallet disk usage",
    _run,
    example="pallet system df --verbose",
    flags=(
        Flag("format", kind="string", help="Pretty-print images using a Go template"),
        Flag("verbose", "v", help="Show detailed information on space usage"),
    ),
    args=(0, 0),
)
