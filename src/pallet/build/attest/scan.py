"""Which packages a root file system has."""

from __future__ import annotations

import msgspec

from pallet.build.attest.apk import apk_packages
from pallet.build.attest.dpkg import dpkg_packages
from pallet.build.attest.packages import Package, Release, parse_release
from pallet.build.attest.python import python_packages
from pallet.build.attest.rpm import rpm_packages
from pallet.host.inroot import read_in_root


class Inventory(msgspec.Struct, frozen=True):
    """What was found in a root.

    Attributes:
        release: the distribution.
        packages: the packages, each once, in the order of their purls.
        unread: a sentence for each database that could not be read.
    """

    release: Release
    packages: tuple[Package, ...]
    unread: tuple[str, ...] = ()


def scan(root: int) -> Inventory:
    """Look for packages in a root, given by an open directory; no link leads out of it."""
    release = parse_release(read_in_root(root, "etc/os-release") or read_in_root(root, "usr/lib/os-release"))
    found = [*dpkg_packages(root, release), *apk_packages(root, release), *python_packages(root)]
    rpm = rpm_packages(root, release)
    found += rpm.packages
    unique = {(package.purl, package.database): package for package in found}
    return Inventory(release, tuple(sorted(unique.values())), rpm.unread)
