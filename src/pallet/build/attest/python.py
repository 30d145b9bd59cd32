"""Python packages: `*.dist-info/METADATA` and `*.egg-info` (a directory with PKG-INFO, or the file itself).

Source: Python's core metadata specification; PEP 503 for names in purls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pallet.build.attest.fields import paragraphs
from pallet.build.attest.packages import Package, package_url, text_of
from pallet.build.attest.tree import directories_below, names_in
from pallet.host.inroot import read_in_root

_OSI = "License :: OSI Approved :: "
_LONGEST_LICENSE = 100  # more is the licence's text
_PLACES = ("/site-packages", "/dist-packages")


def python_packages(root: int) -> Iterator[Package]:
    """The installed Python packages of a root, wherever they are."""
    for directory in directories_below(root):
        if directory.endswith(".dist-info"):
            yield from _package(root, f"{directory}/METADATA")
        elif directory.endswith(".egg-info"):
            yield from _package(root, f"{directory}/PKG-INFO")
        elif directory.endswith(_PLACES):
            for name in names_in(root, directory):
                if name.endswith(".egg-info"):
                    yield from _package(root, f"{directory}/{name}")


def _package(root: int, path: str) -> Iterator[Package]:
    text = text_of(read_in_root(root, path))
    fields = next(paragraphs(text), {})
    name, version = fields.get("name", ""), fields.get("version", "")
    if not name or not version:
        return
    yield Package(
        package_url("pypi", "", re.sub(r"[-_.]+", "-", name).lower(), version, {}),
        name,
        version,
        path,
        _licenses(fields, text),
        fields.get("author-email", "") or fields.get("author", ""),
        fields.get("home-page", ""),
        fields.get("summary", ""),
    )


def _licenses(fields: dict[str, str], text: str) -> tuple[str, ...]:
    if fields.get("license-expression"):
        return (fields["license-expression"],)
    said = fields.get("license", "")
    if said and said.upper() != "UNKNOWN" and "\n" not in said and len(said) <= _LONGEST_LICENSE:
        return (said,)
    head = text.partition("\n\n")[0]
    marks = re.findall(rf"(?m)^Classifier: {re.escape(_OSI)}(.+)$", head)
    return tuple(dict.fromkeys(mark.strip() for mark in marks))
