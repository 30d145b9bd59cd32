"""Alpine's packages: `lib/apk/db/installed`. Source: Alpine's wiki, "Apk spec", "Installed database"."""

from __future__ import annotations

from collections.abc import Iterator

from pallet.build.attest.packages import Package, Release, package_url, text_of
from pallet.build.attest.tree import read_whole

INSTALLED = ("lib/apk/db/installed", "usr/lib/apk/db/installed")


def apk_packages(root: int, release: Release) -> Iterator[Package]:
    """The installed Alpine packages of a root."""
    for database in INSTALLED:
        for block in text_of(read_whole(root, database)).split("\n\n"):
            fields: dict[str, str] = {}
            for line in block.split("\n"):
                if line[1:2] == ":":
                    fields.setdefault(line[0], line[2:].strip())
            name, version = fields.get("P", ""), fields.get("V", "")
            if name and version:
                qualifiers = {"arch": fields.get("A", ""), "distro": release.distro, "upstream": fields.get("o", "")}
                yield Package(
                    package_url("apk", release.id or "alpine", name, version, qualifiers),
                    name,
                    version,
                    database,
                    (fields["L"],) if fields.get("L") else (),
                    fields.get("m", ""),
                    fields.get("U", ""),
                    fields.get("T", ""),
                )
