"""What `pallet system df -v --format` shows: docker's own listings, with sizes that only counting tells."""

from __future__ import annotations

from pallet.cli.container.ls import RAW, ContainerLine
from pallet.cli.format import Row, print_rows
from pallet.cli.image.ls import image_lines
from pallet.cli.volume.ls import VolumeRow
from pallet.units import human_duration, human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pallet.cli.context import Context
    from pallet.ops.disk_usage import DiskUsage

_RAW = {
    "Images": "type: Image\nrepository: {{.Repository}}\ntag: {{.Tag}}\ndigest: {{.Digest}}\nimage_id: {{.ID}}\n"
    "created_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n",
    "Containers": f"type: Container\n{RAW}size: {{{{.Size}}}}\n",
    "Volumes": "type: Volume\nname: {{.Name}}\ndriver: {{.Driver}}\n",
    "BuildCache": "build_cache_id: {{.ID}}\nbuild_cache_type: {{.CacheType}}\ncreated_since: {{.CreatedSince}}\n"
    "last_used_since: {{.LastUsedSince}}\nusage_count: {{.UsageCount}}\nshared: {{.Shared}}\n",
}


class _Sized(Row):
    """A line of a listing, with some of its fields known better."""

    __slots__ = ("_better", "_line")

    def __init__(self, line: Row, **better: str) -> None:
        self._line = line
        self._better = better

    @property
    def __go_type__(self) -> str:
        return self._line.__go_type__

    def field(self, name: str) -> str:
        """The text of one field."""
        return self._better[name] if name in self._better else self._line.field(name)

    def __go_field__(self, name: str) -> object:
        return self._better[name] if name in self._better else self._line.__go_field__(name)

    def __go_json__(self) -> object:
        return {name: self.field(name) for name in sorted({*self._line.FIELDS, *self._better})}


class _CacheLine(Row):
    """A result of an earlier build."""

    __slots__ = ("_texts",)

    FIELDS = ("CacheType", "CreatedSince", "ID", "LastUsedSince", "Shared", "Size", "UsageCount")
    GO_TYPE = "*formatter.buildCacheContext"

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def field(self, name: str) -> str:
        """The text of one field."""
        return self._texts[name]


class Details(Row):
    """All of it for one template: `{{range .Volumes}}{{.Name}}{{end}}`."""

    __slots__ = ("_ctx", "_usage")

    FIELDS = tuple(_RAW)
    GO_TYPE = "*formatter.diskUsageContext"

    def __init__(self, ctx: Context, usage: DiskUsage) -> None:
        self._ctx = ctx
        self._usage = usage

    def __go_field__(self, name: str) -> object:
        from pallet.gotemplate import GoSlice

        if name not in self.FIELDS:
            raise KeyError(name)
        return GoSlice(self.lines(name), "[]formatter.SubContext")

    def __go_json__(self) -> object:
        return {name: self.__go_field__(name) for name in sorted(self.FIELDS)}

    def lines(self, name: str) -> list[Row]:
        """The lines of one of `FIELDS`."""
        if name == "Images":
            return self._images()
        if name == "Containers":
            return self._containers()
        return self._volumes() if name == "Volumes" else self._cache()

    def _images(self) -> list[Row]:
        from pallet.ops.list_images import list_images

        counted = {image.id: image for image in self._usage.images}
        out: list[Row] = []
        for summary in list_images(self._ctx.engine, all=True):
            image = counted.get(summary.row.id)
            if image is None:  # it has just come
                continue
            sizes = {"SharedSize": human_size(image.shared, 4), "UniqueSize": human_size(image.size - image.shared, 4)}
            lines = image_lines([summary], digests=False, long=True)
            out += [_Sized(line, Containers=str(image.containers), Digest="", **sizes) for line in lines]
        return out

    def _containers(self) -> list[Row]:
        from pallet.ops.container_list import list_containers

        sizes = {each.record.id: human_size(each.size) for each in self._usage.containers}
        return [
            _Sized(ContainerLine(self._ctx, summary, long=True), Size=sizes[summary.brief.id])
            for summary in list_containers(self._ctx.engine, all=True)
            if summary.brief.id in sizes
        ]

    def _volumes(self) -> list[Row]:
        from pallet.ops.volume_create import volume_data
        from pallet.ops.volume_list import list_volumes

        counted = {each.name: each for each in self._usage.volumes}
        out: list[Row] = []
        for volume in list_volumes(self._ctx.engine):
            line = VolumeRow(volume, volume_data(self._ctx.engine, volume.name))
            if volume.name in counted:
                each = counted[volume.name]
                out.append(_Sized(line, Links=str(each.links), Size=human_size(each.size, 4)))
            else:  # it only mounts something else
                out.append(line)
        return out

    def _cache(self) -> list[Row]:
        return [
            _CacheLine(
                {
                    "ID": layer.key.short,
                    "CacheType": "regular",
                    "Size": human_size(layer.size, 4),
                    "CreatedSince": ago(layer.created),
                    "LastUsedSince": ago(layer.used),
                    "UsageCount": str(layer.uses),
                    "Shared": "false",
                }
            )
            for layer in self._usage.cache
        ]


def print_raw(ctx: Context, details: Details) -> None:
    """Print `--format raw`: a few lines for each thing."""
    for name, template in _RAW.items():
        print_rows(ctx, details.lines(name), template="raw", columns=(), headers={}, named={"raw": template})


def ago(nanoseconds: int) -> str:
    """How long ago that moment is: `3 minutes ago`."""
    import time

    return human_duration(time.time() - nanoseconds / 10**9) + " ago"
