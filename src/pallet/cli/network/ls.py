"""`pallet network ls`: list networks."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.format import LabelledRow, print_rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pallet.cli.command import Options
    from pallet.cli.context import Context
    from pallet.store.network_names import BriefNetwork

_HEADERS = {
    "CreatedAt": "CREATED AT",
    "Driver": "DRIVER",
    "ID": "NETWORK ID",
    "IPv6": "IPV6",
    "Internal": "INTERNAL",
    "Labels": "LABELS",
    "Name": "NAME",
    "Scope": "SCOPE",
}


class NetworkRow(LabelledRow):
    """One network in a listing."""

    __slots__ = ("_no_trunc", "network")

    FIELDS = tuple(_HEADERS)
    GO_TYPE = "*network.networkContext"

    def __init__(self, network: BriefNetwork, no_trunc: bool) -> None:
        self.network = network
        self._no_trunc = no_trunc

    def field(self, name: str) -> str:
        """The text of one field."""
        network = self.network
        if name == "CreatedAt":
            from pallet.ops.times import go_time

            return go_time(network.created)
        if name == "ID":
            return network.id if self._no_trunc else network.id[:12]
        if name == "Labels":
            return self.labels_text()
        texts = {
            "Driver": network.driver,
            "IPv6": "true" if network.ipv6 else "false",
            "Internal": "true" if network.internal else "false",
            "Name": network.name,
        }
        return texts.get(name, "local")

    def labels(self) -> Mapping[str, str]:
        """The labels."""
        return self.network.labels


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.ops.network_list import list_networks

    rows = [NetworkRow(network, opts.no_trunc) for network in list_networks(ctx.engine, filters=opts.filter)]
    columns = ("ID", "Name", "Driver", "Scope")
    print_rows(
        ctx,
        rows,
        template=opts.format,
        columns=columns,
        headers=_HEADERS,
        quiet="ID" if opts.quiet else "",
        named={"raw": "network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n"},
    )
    return 0


COMMAND = Command(
    "ls [OPTIONS]",
    "List networks",
    _run,
    example="pallet network ls --filter driver=bridge",
    flags=(
        Flag(
            "filter",
            "f",
            "filter",
            help="Provide filter values (e.g. 'driver=bridge')",
            complete="filters ops.network_list",
        ),
        Flag("format", kind="string", config="networksFormat", help="Pretty-print networks using a Go template"),
        Flag("no-trunc", help="Do not truncate the output"),
        Flag("quiet", "q", help="Only display network IDs"),
    ),
    args=(0, 0),
)
