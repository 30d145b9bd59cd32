"""The SBOM: an SPDX document of what a scan found.

Source: SPDX 2.3 specification, clauses 6 (document), 7 (packages), 10 (other licensing information) and 11
(relationships), and its JSON schema. The same findings and time give the same bytes.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from pallet.build.attest.licenses import expression
from pallet.build.attest.packages import Package
from pallet.build.attest.scan import Inventory
from pallet.oci.codec import encode
from pallet.version import __version__

PREDICATE_TYPE = "https://spdx.dev/Document"
_DOCUMENT = "SPDXRef-DOCUMENT"
_ROOT = "SPDXRef-Root"
_UNKNOWN = "NOASSERTION"


def spdx_document(name: str, inventory: Inventory, created: int) -> dict[str, Any]:
    """The document.

    Args:
        name: what was scanned: an image's name, a stage's, `context`.
        inventory: what was found.
        created: when, in nanoseconds since 1970.
    """
    extracted: dict[str, str] = {}
    packages = [_root(name, inventory)]
    relationships = [_relationship(_DOCUMENT, "DESCRIBES", _ROOT)]
    for package in inventory.packages:
        described = _package(package, extracted)
        packages.append(described)
        relationships.append(_relationship(_ROOT, "CONTAINS", described["SPDXID"]))
    creation = {
        "created": datetime.fromtimestamp(created // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "creators": [f"Tool: pallet-{__version__}"],
    }
    if inventory.unread:
        creation["comment"] = "Incomplete: " + "; ".join(inventory.unread)
    # Whoever has no domain of their own names documents so: clause 6.5. The digest keeps it unique, and the same.
    identity = hashlib.sha256(encode([name, packages, creation])).hexdigest()
    document: dict[str, Any] = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": _DOCUMENT,
        "name": name,
        "documentNamespace": f"https://spdx.org/spdxdocs/pallet-{identity}",
        "creationInfo": creation,
        "packages": packages,
        "relationships": relationships,
    }
    if extracted:
        document["hasExtractedLicensingInfos"] = [
            {"licenseId": id, "name": text, "extractedText": f"The package says: {text}"}
            for id, text in sorted(extracted.items())
        ]
    return document


def _root(name: str, inventory: Inventory) -> dict[str, Any]:
    release = inventory.release.distro
    return {
        "SPDXID": _ROOT,
        "name": name,
        "downloadLocation": _UNKNOWN,
        "filesAnalyzed": False,
        "primaryPackagePurpose": "CONTAINER",
        "licenseConcluded": _UNKNOWN,
        "licenseDeclared": _UNKNOWN,
        "copyrightText": _UNKNOWN,
        **({"comment": f"distribution: {release}"} if release else {}),
    }


def _package(package: Package, extracted: dict[str, str]) -> dict[str, Any]:
    licensed = expression(package.licenses)
    extracted.update(licensed.extracted)
    identity = hashlib.sha256(f"{package.purl}\0{package.database}".encode()).hexdigest()[:16]
    described: dict[str, Any] = {
        "SPDXID": f"SPDXRef-Package-{identity}",
        "name": package.name,
        "versionInfo": package.version,
        "downloadLocation": _UNKNOWN,
        "filesAnalyzed": False,
        "sourceInfo": f"acquired package info from: {package.database}",
        "licenseConcluded": _UNKNOWN,
        "licenseDeclared": licensed.text or _UNKNOWN,
        "copyrightText": _UNKNOWN,
        "externalRefs": [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": package.purl,
            }
        ],
    }
    if package.supplier:
        name, bracket, address = package.supplier.partition(" <")
        described["supplier"] = f"Organization: {name}" + (f" ({address.rstrip('> ')})" if bracket else "")
    if package.homepage.startswith(("http://", "https://")):
        described["homepage"] = package.homepage
    if package.summary:
        described["summary"] = package.summary
    return described


def _relationship(element: str, kind: str, related: str) -> dict[str, str]:
    return {"spdxElementId": element, "relationshipType": kind, "relatedSpdxElement": related}
