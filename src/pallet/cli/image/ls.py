"""`pallet image ls`: list images. On the quick path."""

from __future__ import annotations

import time

from pallet.cli.command import Command, Flag
from pallet.cli.format import Row, print_rows
from pallet.units import human_duration, human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Options
    from pallet.cli.context import Context
    from pallet.ops.list_images import ImageSummary

NONE = "<none>"
_HEADERS = {
    "Repository": "REPOSITORY",
    "Tag": "TAG",
    "Digest": "DIGEST",
    "ID": "IMAGE ID",
    "CreatedSince": "CREATED",
    "CreatedAt": "CREATED AT",
    "Size": "SIZE",
    "Containers": "CONTAINERS",
    "VirtualSize": "SIZE",
    "SharedSize": "SHARED SIZE",
    "UniqueSize": "UNIQUE SIZE",
    "LastUsed": "LAST USED",
}
_RAW = (
    "repository: {{.Repository}}\n{{if .Tag}}tag: {{.Tag}}\n{{end}}image_id: {{.ID}}\n"
    "created_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n"
)


class ImageLine(Row):
    """One line of the listing: an image under one of its names."""

    __slots__ = ("_digest", "_long", "_repository", "_summary", "_tag")

    FIELDS = tuple(_HEADERS)
    GO_TYPE = "*formatter.imageContext"

    def __init__(self, summary: ImageSummary, repository: str, tag: str, digest: str, *, long: bool) -> None:
        self._summary = summary
        self._repository = repository
        self._tag = tag
        self._digest = digest
        self._long = long

    def field(self, name: str) -> str:
        """The text of one field."""
        if name == "Repository":
            return self._repository
        if name == "Tag":
            return self._tag
        row = self._summary.row
        if name == "ID":
            return row[0] if self._long else row[0][7:19]  # by position: the properties cost a call for each row
        if name == "CreatedSince":
            return _ago(row[1])
        if name == "Size":
            return human_size(row[2])
        if name == "Digest":
            return self._digest
        if name == "CreatedAt":
            return time.strftime("%Y-%m-%d %H:%M:%S +0000 UTC", time.gmtime(row.created // 10**9))
        if name == "VirtualSize":
            return human_size(row.size, 4)
        if name == "LastUsed":
            return _ago(row.used) if row.used else "never"
        return "N/A"


def _ago(nanoseconds: int) -> str:
    return human_duration(time.time() - nanoseconds / 10**9) + " ago"


def image_lines(summaries: list[ImageSummary], *, digests: bool, long: bool) -> list[ImageLine]:
    """Docker's lines for each image: one a tag (and digest, if these are shown), `<none>` where there is no name."""
    lines: list[ImageLine] = []
    for summary in summaries:
        names = _names(summary, digests)
        lines += [ImageLine(summary, repository, tag, digest, long=long) for repository, tag, digest in names]
    return lines


def _names(summary: ImageSummary, digests: bool) -> list[tuple[str, str, str]]:
    """Repository, tag and digest of each line. Source: docker/cli, cli/command/formatter/image.go."""
    if not summary.tags and not summary.digests:
        return [(NONE, NONE, NONE)]
    if len(summary.tags) == 1 and not summary.digests:  # most images
        repository, _, tag = summary.tags[0].rpartition(":")
        return [(repository, tag, NONE)]
    tagged: dict[str, list[str]] = {}
    for name in summary.tags:
        repository, _, tag = name.rpartition(":")
        tagged.setdefault(repository, []).append(tag)
    hashed: dict[str, list[str]] = {}
    for name in summary.digests:
        repository, _, digest = name.partition("@")
        hashed.setdefault(repository, []).append(digest)
    lines: list[tuple[str, str, str]] = []
    for repository, tags in tagged.items():
        shown = (hashed.pop(repository, []) if digests else []) or [NONE]
        lines += [(repository, tag, digest) for tag in tags for digest in shown]
        if not digests:
            hashed.pop(repository, None)
    for repository, each in hashed.items():
        lines += [(repository, NONE, digest) for digest in (each if digests else [NONE])]
    return lines


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.ops.list_images import list_images

    summaries = list_images(ctx.engine, name=args[0] if args else None, all=opts.all, filters=opts.filter)
    needs_digests = opts.digests or "{{.Digest}}" in opts.format.replace(" ", "")
    columns = ("Repository", "Tag", *(("Digest",) if opts.digests else ()), "ID", "CreatedSince", "Size")
    print_rows(
        ctx,
        image_lines(summaries, digests=needs_digests, long=opts.no_trunc),
        template=opts.format,
        columns=columns,
        headers=_HEADERS,
        quiet="ID" if opts.quiet else "",
        named={"raw": _RAW},
    )
    return 0


COMMAND = Command(
    "ls [OPTIONS] [REPOSITORY[:TAG]]",
    "List images",
    _run,
    example="pallet image ls\npallet image ls --filter dangling=true -q\n"
    "pallet image ls --format 'table {{.Repository}}\\t{{.Tag}}\\t{{.Size}}'",
    flags=(
        Flag("all", "a", help="Show all images (default hides intermediate images)"),
        Flag("digests", help="Show digests"),
        Flag(
            "filter",
            "f",
            "filter",
            help="Filter output based on conditions provided",
            complete="filters ops.list_images",
        ),
        Flag("format", kind="string", config="imagesFormat", help="Pretty-print images using a Go template"),
        Flag("no-trunc", help="Don't truncate output"),
        Flag("quiet", "q", help="Only show image IDs"),
    ),
    args=(0, 1),
    complete=("image",),
)
