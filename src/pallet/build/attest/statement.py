"""Attestations as BuildKit attaches them: in-toto statements, as the layers of a manifest beside the image's.

Source: BuildKit's documentation, "Image Attestation Storage"; in-toto's attestation specification, "Statement".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pallet.build.attest.packages import package_url
from pallet.digest import Digest
from pallet.oci import media
from pallet.oci.codec import encode
from pallet.oci.descriptor import Descriptor, describe
from pallet.oci.manifest import Manifest, make_manifest
from pallet.platform import Platform
from pallet.reference import Reference

_STATEMENT = "https://in-toto.io/Statement/v0.1"
_MEDIA_TYPE = "application/vnd.in-toto+json"
_PREDICATE_TYPE = "in-toto.io/predicate-type"
_REFERENCE_TYPE = "vnd.docker.reference.type"
_REFERENCE_DIGEST = "vnd.docker.reference.digest"
_NOWHERE = Platform("unknown", "unknown")


class Predicate(msgspec.Struct, frozen=True):
    """What is said of an image, and what kind of saying it is; the file of local and tar outputs, "" for none."""

    type: str
    content: dict[str, Any]
    file: str


class Attestation(msgspec.Struct, frozen=True):
    """What is attached to one image.

    Attributes:
        manifest: over the statements.
        blobs: the bytes of its config and its layers.
        descriptor: what the index says of it.
    """

    manifest: Manifest
    blobs: tuple[bytes, ...]
    descriptor: Descriptor


def image_purl(reference: Reference, platform: Platform) -> str:
    """An image's package URL: `pkg:docker/team/app@1?platform=linux%2Famd64`."""
    namespace, _, name = reference.familiar_name.rpartition("/")
    qualifiers = {"digest": str(reference.digest or ""), "platform": str(platform.normalized())}
    version = reference.tag or ("" if reference.digest else "latest")
    return package_url("docker", namespace, name, version, qualifiers)


def subjects(names: Sequence[Reference], platform: Platform, digest: Digest) -> list[dict[str, Any]]:
    """What a statement is about: the image by each of its names, or by `_` if it has none."""
    found = [image_purl(name.with_default_tag(), platform) for name in names] or ["_"]
    return [{"name": name, "digest": {"sha256": digest.hex}} for name in found]


def statement(predicate: Predicate, about: Sequence[Mapping[str, Any]]) -> bytes:
    """An in-toto statement's bytes."""
    return encode(
        {"_type": _STATEMENT, "predicateType": predicate.type, "subject": about, "predicate": predicate.content}
    )


def attest(image: Descriptor, predicates: Sequence[Predicate], about: Sequence[Mapping[str, Any]]) -> Attestation:
    """Attach statements to an image.

    Args:
        image: its manifest.
        predicates: what is said of it.
        about: the statements' subjects.
    """
    layers: list[Descriptor] = []
    blobs: list[bytes] = []
    for predicate in predicates:
        raw = statement(predicate, about)
        annotations = {_PREDICATE_TYPE: predicate.type}
        layers.append(msgspec.structs.replace(describe(raw, _MEDIA_TYPE), annotations=annotations))
        blobs.append(raw)
    config = encode(
        {
            "architecture": _NOWHERE.architecture,
            "os": _NOWHERE.os,
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers]},
        }
    )
    manifest = make_manifest(describe(config, media.OCI_CONFIG), tuple(layers), media.OCI_MANIFEST)
    marks = {_REFERENCE_DIGEST: str(image.digest), _REFERENCE_TYPE: "attestation-manifest"}
    descriptor = msgspec.structs.replace(manifest.descriptor, annotations=marks, platform=_NOWHERE)
    return Attestation(manifest, (config, *blobs), descriptor)
