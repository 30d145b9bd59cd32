"""Debian packages: `var/lib/dpkg/status`, and the files of `status.d` that distroless images have.

Source: dpkg-query(1), Debian policy manual 5.3; DEP-5 for the licences in `usr/share/doc/PACKAGE/copyright`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from pallet.build.attest.fields import paragraphs
from pallet.build.attest.packages import Package, Release, package_url, text_of
from pallet.build.attest.tree import names_in, read_whole
from pallet.host.inroot import read_in_root

STATUS = "var/lib/dpkg/status"
STATUS_DIRECTORY = "var/lib/dpkg/status.d"
_COPYRIGHT_LIMIT = 1 << 20


def dpkg_packages(root: int, release: Release) -> Iterator[Package]:
    """The installed Debian packages of a root."""
    for fields in paragraphs(text_of(read_whole(root, STATUS))):
        if fields.get("status", "").split()[-1:] == ["installed"]:
            yield from _package(root, release, fields, STATUS)
    for name in names_in(root, STATUS_DIRECTORY):
        if not name.endswith(".md5sums"):
            path = os.path.join(STATUS_DIRECTORY, name)
            for fields in paragraphs(text_of(read_whole(root, path))):
                yield from _package(root, release, fields, path)


def _package(root: int, release: Release, fields: dict[str, str], database: str) -> Iterator[Package]:
    name, version = fields.get("package", ""), fields.get("version", "")
    if not name or not version:
        return
    source, _, source_version = fields.get("source", "").partition(" (")
    upstream = f"{source}@{source_version.rstrip(')')}" if source_version else source
    qualifiers = {"arch": fields.get("architecture", ""), "distro": release.distro, "upstream": upstream}
    yield Package(
        package_url("deb", release.id or "debian", name, version, qualifiers),
        name,
        version,
        database,
        _licenses(root, name),
        fields.get("maintainer", ""),
        fields.get("homepage", ""),
        fields.get("description", "").partition("\n")[0],
    )


def _licenses(root: int, package: str) -> tuple[str, ...]:
    """The licences that a machine-readable copyright file names, in its order; each once."""
    if "/" in package or package.startswith("."):
        return ()
    text = text_of(read_in_root(root, f"usr/share/doc/{package}/copyright", _COPYRIGHT_LIMIT))
    if not text.lstrip().lower().startswith("format"):
        return ()
    found = (fields["license"].partition("\n")[0].strip() for fields in paragraphs(text) if "license" in fields)
    return tuple(dict.fromkeys(name for name in found if name))
