"""Installed packages, as the readers of the package databases give them, and their purls.

Source: the purl specification (package-url), "Rules for each purl component", and its types.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

import msgspec


class Package(msgspec.Struct, frozen=True, order=True):
    """One installed package.

    Attributes:
        purl: its package URL.
        name: its name in the packager's words.
        version: its whole version.
        database: the file that says so, relative to the root.
        licenses: the licences as found, all of which apply; none if unknown.
        supplier: who maintains it.
        homepage: a URL.
        summary: a line of description.
    """

    purl: str
    name: str
    version: str
    database: str
    licenses: tuple[str, ...] = ()
    supplier: str = ""
    homepage: str = ""
    summary: str = ""


class Release(msgspec.Struct, frozen=True):
    """Which distribution a root has; empty texts if it does not say."""

    id: str = ""
    version: str = ""

    @property
    def distro(self) -> str:
        """purl's qualifier: `debian-12`."""
        return f"{self.id}-{self.version}" if self.id and self.version else self.id


def package_url(kind: str, namespace: str, name: str, version: str, qualifiers: Mapping[str, str]) -> str:
    """A purl; qualifiers without a value are left out."""
    parts = [part for part in namespace.split("/") if part]
    path = "/".join(quote(part, safe="-._~:") for part in (kind, *parts, name))
    at = f"@{quote(version, safe='-._~:')}" if version else ""
    given = "&".join(f"{key}={quote(value, safe='-._~:')}" for key, value in sorted(qualifiers.items()) if value)
    return f"pkg:{path}{at}" + (f"?{given}" if given else "")


def parse_release(raw: bytes) -> Release:
    """Read /etc/os-release. Source: os-release(5)."""
    fields: dict[str, str] = {}
    for line in raw.decode("utf-8", "replace").splitlines():
        name, equals, value = line.strip().partition("=")
        if equals:
            fields[name] = value.strip("\"'")
    return Release(fields.get("ID", ""), fields.get("VERSION_ID", ""))


def text_of(value: bytes) -> str:
    """Text of a database, whatever bytes it has."""
    return value.decode("utf-8", "replace")
