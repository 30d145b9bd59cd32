"""Package databases to packages, packages to an SPDX document that keeps the specification's rules."""

from __future__ import annotations

import os
import re
import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pallet.build.attest.licenses import expression
from pallet.build.attest.scan import Inventory, scan
from pallet.build.attest.spdx import spdx_document

_ID = re.compile(r"SPDXRef-[A-Za-z0-9.-]+\Z")


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path


def put(root: Path, name: str, text: str | bytes) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


def scanned(root: Path) -> Inventory:
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return scan(fd)
    finally:
        os.close(fd)


def check_spdx(document: dict[str, Any]) -> None:
    """The fields that SPDX 2.3 wants, and that all references lead to something."""
    assert document["spdxVersion"] == "SPDX-2.3" and document["dataLicense"] == "CC0-1.0"
    assert document["SPDXID"] == "SPDXRef-DOCUMENT" and document["name"]
    assert re.match(r"https://[^#\s]+\Z", document["documentNamespace"])
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z", document["creationInfo"]["created"])
    assert all(re.match(r"(Person|Organization|Tool): .", each) for each in document["creationInfo"]["creators"])
    ids = [each["SPDXID"] for each in document["packages"]]
    assert len(set(ids)) == len(ids) and all(map(_ID.match, ids))
    extracted = {each["licenseId"] for each in document.get("hasExtractedLicensingInfos", ())}
    assert all(each["extractedText"] for each in document.get("hasExtractedLicensingInfos", ()))
    for package in document["packages"]:
        assert package["name"] and package["downloadLocation"] and package["filesAnalyzed"] is False
        assert set(re.findall(r"LicenseRef-[\w.-]+", package["licenseDeclared"])) <= extracted
        for reference in package.get("externalRefs", ()):
            assert reference["referenceCategory"] == "PACKAGE-MANAGER" and reference["referenceType"] == "purl"
            assert reference["referenceLocator"].startswith("pkg:")
    known = {*ids, "SPDXRef-DOCUMENT"}
    for each in document["relationships"]:
        assert each["relationshipType"] in ("DESCRIBES", "CONTAINS")
        assert {each["spdxElementId"], each["relatedSpdxElement"]} <= known
    assert {"DESCRIBES"} <= {each["relationshipType"] for each in document["relationships"]}


def test_debian_with_status_and_status_d(root: Path) -> None:
    put(root, "etc/os-release", 'ID=debian\nVERSION_ID="12"\n')
    put(
        root,
        "var/lib/dpkg/status",
        "Package: bash\nStatus: install ok installed\nArchitecture: amd64\n"
        "Version: 5.2.15-2+b7\nSource: bash (5.2.15-2)\nMaintainer: M K <m@example.org>\n"
        "Description: shell\n more\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n",
    )
    put(root, "var/lib/dpkg/status.d/tzdata", "Package: tzdata\nVersion: 2024a-0\nArchitecture: all\n")
    put(
        root,
        "usr/share/doc/bash/copyright",
        "Format: https://x\n\nFiles: *\nLicense: GPL-3+\n text\n\nLicense: Odd one\n",
    )
    found = scanned(root)
    assert [each.purl for each in found.packages] == [
        "pkg:deb/debian/bash@5.2.15-2%2Bb7?arch=amd64&distro=debian-12&upstream=bash%405.2.15-2",
        "pkg:deb/debian/tzdata@2024a-0?arch=all&distro=debian-12",
    ]
    document = spdx_document("x", found, 0)
    check_spdx(document)
    assert document["packages"][1]["supplier"] == "Organization: M K (m@example.org)"
    assert document["packages"][1]["licenseDeclared"] == "GPL-3.0-or-later AND LicenseRef-Odd-one"


def test_alpine_python_and_links_that_lead_out(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    put(outside, "status", "Package: evil\nStatus: install ok installed\nVersion: 1\n")
    (root / "var/lib/dpkg").mkdir(parents=True)
    (root / "var/lib/dpkg/status").symlink_to(outside / "status")
    put(root, "etc/os-release", "ID=alpine\nVERSION_ID=3.19.1\n")
    put(
        root,
        "lib/apk/db/installed",
        "C:Q1\nP:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\nT:libc\no:musl\n\nP:zlib\nV:1.3-r0\nL:Zlib\n",
    )
    put(
        root,
        "usr/lib/python3/site-packages/My_Pkg-1.0.dist-info/METADATA",
        "Name: My_Pkg\nVersion: 1.0\nLicense: MIT\n\nb\n",
    )
    put(root, "usr/lib/python3/dist-packages/old.egg-info", "Name: old\nVersion: 2\n")
    purls = [each.purl for each in scanned(root).packages]
    assert purls == [
        "pkg:apk/alpine/musl@1.2.4-r2?arch=x86_64&distro=alpine-3.19.1&upstream=musl",
        "pkg:apk/alpine/zlib@1.3-r0?distro=alpine-3.19.1",
        "pkg:pypi/my-pkg@1.0",
        "pkg:pypi/old@2",
    ]


def header(tags: dict[int, str | int]) -> bytes:
    """An RPM header of strings and numbers."""
    index, data = b"", b""
    for tag, value in tags.items():
        if isinstance(value, int):
            data += bytes(-len(data) % 4)
            index += struct.pack(">IIII", tag, 4, len(data), 1)
            data += struct.pack(">I", value)
        else:
            index += struct.pack(">IIII", tag, 6, len(data), 1)
            data += value.encode() + b"\0"
    return struct.pack(">II", len(tags), len(data)) + index + data


def test_rpm_in_sqlite_is_read_and_other_kinds_are_told(root: Path) -> None:
    put(root, "etc/os-release", "ID=fedora\nVERSION_ID=39\n")
    place = root / "usr/lib/sysimage/rpm"
    place.mkdir(parents=True)
    with sqlite3.connect(place / "rpmdb.sqlite") as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)")
        blob = header({1000: "bash", 1001: "5.2", 1002: "1.fc39", 1003: 1, 1014: "GPLv3+", 1022: "x86_64"})
        connection.execute("INSERT INTO Packages VALUES (1, ?)", (blob,))
    connection.close()
    put(root, "var/lib/rpm/Packages", b"\0" * 16)
    found = scanned(root)
    (package,) = found.packages
    assert package.purl == "pkg:rpm/fedora/bash@5.2-1.fc39?arch=x86_64&distro=fedora-39&epoch=1"
    assert package.version == "1:5.2-1.fc39"
    assert found.unread == ("the RPM database var/lib/rpm/Packages is of the kind Berkeley DB, which cannot be read",)
    document = spdx_document("x", found, 0)
    check_spdx(document)
    assert "Berkeley DB" in document["creationInfo"]["comment"]


def test_damaged_rpm_databases_are_told(root: Path) -> None:
    put(root, "var/lib/rpm/rpmdb.sqlite", b"SQLite format 3\0" + bytes(200))
    found = scanned(root)
    assert not found.packages and "cannot be read" in found.unread[0]


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ((), ""),
        (("Expat",), "MIT"),
        (("GPL-2+", "LGPL-2.1"), "GPL-2.0-or-later AND LGPL-2.1-only"),
        (("GPL-2.0-only AND (MIT or BSD-3-Clause)",), "GPL-2.0-only AND (MIT OR BSD-3-Clause)"),
        (("Apache-2.0 WITH LLVM-exception",), "Apache-2.0 WITH LLVM-exception"),
        (("use it as you like",), "LicenseRef-use-it-as-you-like"),
        (("MIT with changes",), "LicenseRef-MIT-with-changes"),
        (("GPL-2+ with Bison-exception",), "GPL-2.0-or-later WITH Bison-exception"),
    ],
)
def test_licences(names: tuple[str, ...], text: str) -> None:
    assert expression(names).text == text
