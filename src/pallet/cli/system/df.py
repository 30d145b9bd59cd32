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
_RAW = "type: {{.Type}}\ntotal: {{.TotalCount}}\nactive: {{.Active}}\nsize: {{.Size}}\nreclaimable: {{.Reclaimable}}\n"


class _Line(Row):
    __slots__ = ("_texts",)

    FIELDS = tuple(_HEADERS)
    GO_TYPE = "*formatter.diskUsageImagesContext"

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
        _print_formatted(ctx, usage, opts.format)
        return 0
    named = {"raw": _RAW}
    print_rows(ctx, _summary(usage), template=opts.format, columns=tuple(_HEADERS), headers=_HEADERS, named=named)
    return 0


def _print_formatted(ctx: Context, usage: DiskUsage, template: str) -> None:
    from pallet.cli.failure import Failure
    from pallet.cli.system.df_details import Details, print_raw

    details = Details(ctx, usage)
    if template == "raw":
        print_raw(ctx, details)
        return
    try:
        print_rows(ctx, [details], template=template, columns=(), headers={}, ending="")
    except Failure as error:  # docker has no preface here
        raise Failure(error.message.removeprefix("template parsing error: "), exit_code=1) from None


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


def _image_rows(usage: DiskUsage) -> Iterable[tuple[str, ...]]:
    from pallet.cli.system.df_details import ago
    from pallet.units import human_size

    for image in usage.images:
        for name in image.names or ("<none>:<none>",):
            repository, _, tag = name.rpartition(":")
            sizes = (image.size, image.shared, image.size - image.shared)
            texts = tuple(human_size(size, 4) for size in sizes)
            yield (repository, tag, image.id.short, ago(image.created), *texts, str(image.containers))


def _volume_rows(usage: DiskUsage) -> Iterable[tuple[str, ...]]:
    from pallet.units import human_size

    return [(each.name, str(each.links), human_size(each.size, 4)) for each in usage.volumes]


def _cache_rows(usage: DiskUsage) -> Iterable[tuple[str, ...]]:
    from pallet.cli.system.df_details import ago
    from pallet.units import human_size

    for layer in usage.cache:
        times = (ago(layer.created), ago(layer.used))
        yield (layer.key.short, "regular", human_size(layer.size, 4), *times, str(layer.uses), "false")


def _container_rows(ctx: Context, usage: DiskUsage) -> Iterable[tuple[str, ...]]:
    from pallet.cli.container.ls import ContainerLine
    from pallet.ops.container_list import list_containers
    from pallet.units import human_size

    sizes = {each.record.id: human_size(each.size) for each in usage.containers}
    for summary in list_containers(ctx.engine, all=True):
        if summary.brief.id in sizes:
            field = ContainerLine(ctx, summary, long=False).field
            about, when = ("ID", "Image", "Command", "LocalVolumes"), ("RunningFor", "Status", "Names")
            yield (*map(field, about), sizes[summary.brief.id], *map(field, when))


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
