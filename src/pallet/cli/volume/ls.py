"""`pallet volume ls`: list volumes."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.format import LabelledRow, print_rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pallet.cli.command import Options
    from pallet.cli.context import Context
    from pallet.store.volumes import Volume

_HEADERS = {
    "Driver": "DRIVER",
    "Labels": "LABELS",
    "Links": "LINKS",
    "Mountpoint": "MOUNTPOINT",
    "Name": "VOLUME NAME",
    "Scope": "SCOPE",
    "Size": "SIZE",
}


class VolumeRow(LabelledRow):
    """One volume in a listing."""

    __slots__ = ("_mountpoint", "volume")

    FIELDS = tuple(_HEADERS)
    GO_TYPE = "*formatter.volumeContext"

    def __init__(self, volume: Volume, mountpoint: str) -> None:
        self.volume = volume
        self._mountpoint = mountpoint

    def field(self, name: str) -> str:
        """The text of one field."""
        if name == "Labels":
            return self.labels_text()
        if name == "Mountpoint":
            return self._mountpoint
        if name == "Name":
            return self.volume.name
        return "local" if name in ("Driver", "Scope") else "N/A"

    def labels(self) -> Mapping[str, str]:
        """The labels."""
        return self.volume.labels or {}


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.ops.volume_create import volume_data
    from pallet.ops.volume_list import list_volumes

    volumes = list_volumes(ctx.engine, filters=opts.filter)
    print_rows(
        ctx,
        [VolumeRow(volume, volume_data(ctx.engine, volume.name)) for volume in volumes],
        template=opts.format,
        columns=("Driver", "Name"),
        headers=_HEADERS,
        quiet="Name" if opts.quiet else "",
        named={"raw": "name: {{.Name}}\ndriver: {{.Driver}}\n"},
    )
    return 0


COMMAND = Command(
    "ls [OPTIONS]",
    "List volumes",
    _run,
    example="pallet volume ls --filter dangling=true",
    flags=(
        Flag(
            "filter",
            "f",
            "filter",
            help="Provide filter values (e.g. 'dangling=true')",
            complete="filters ops.volume_list",
        ),
        Flag("format", kind="string", config="volumesFormat", help="Pretty-print volumes using a Go template"),
        Flag("quiet", "q", help="Only display volume names"),
    ),
    args=(0, 0),
)
