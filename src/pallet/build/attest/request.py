"""Which attestations and annotations a build is asked for; the words are those of buildx's flags."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, cast

import msgspec

from pallet.errors import InvalidInput
from pallet.platform import Platform
from pallet.platform import parse as parse_platform

Target = Literal["manifest", "index", "manifest-descriptor", "index-descriptor"]
_TARGETS = ("manifest", "index", "manifest-descriptor", "index-descriptor")
_TRUE = ("1", "true", "t")
_FALSE = ("0", "false", "f")


class Annotation(msgspec.Struct, frozen=True):
    """An annotation, and where it goes; with a platform, only for that one's manifest."""

    target: Target
    key: str
    value: str
    platform: Platform | None = None


class ProvenanceRequest(msgspec.Struct, frozen=True):
    """How much provenance.

    Attributes:
        mode: `min` leaves out the build's arguments, secrets and steps.
        version: SLSA's: `v0.2` or `v1`.
        builder_id: the URI of who builds.
        reproducible: whether the user says that the build is.
        file: what it is called in local and tar outputs, "" if it is not to be there.
    """

    mode: Literal["min", "max"] = "max"
    version: Literal["v0.2", "v1"] = "v0.2"
    builder_id: str = ""
    reproducible: bool = False
    file: str = "provenance.json"


class AttestRequest(msgspec.Struct, frozen=True):
    """What to attach."""

    sbom: bool = False
    provenance: ProvenanceRequest | None = None

    @property
    def wanted(self) -> bool:
        """Whether anything is."""
        return self.sbom or self.provenance is not None


def parse_attests(words: Iterable[str], sbom: str, provenance: str) -> AttestRequest:
    """Read `--attest`, and its short forms `--sbom` and `--provenance`.

    Raises:
        InvalidInput: an unknown type or option.
    """
    found = AttestRequest()
    texts = list(words)
    for kind, short in (("sbom", sbom), ("provenance", provenance)):
        if short:
            texts.append(f"type={kind}," + (f"disabled={short.lower() in _FALSE}" if _is_truth(short) else short))
    for text in texts:
        fields = _fields(text)
        kind = fields.pop("type", "")
        disabled = _truth(fields.pop("disabled", "false"), "disabled")
        if kind == "sbom":
            if "generator" in fields:
                raise InvalidInput("sbom generator images are not supported: pallet reads the package databases itself")
            _no_more(fields, kind)
            found = msgspec.structs.replace(found, sbom=not disabled)
        elif kind == "provenance":
            wanted = _provenance(fields)
            found = msgspec.structs.replace(found, provenance=None if disabled else wanted)
        elif kind:
            raise InvalidInput(f"attestation type {kind} is not supported")
        else:
            raise InvalidInput("attestation type not specified")
    return found


def parse_annotation(text: str) -> list[Annotation]:
    """Read `[TYPE[PLATFORM][,TYPE...]:]KEY=VALUE`; the type is `manifest` where none is said.

    Raises:
        InvalidInput: an unknown type, or no value.
    """
    name, equals, value = text.partition("=")
    where, colon, key = name.rpartition(":")
    if colon and not all(word.partition("[")[0] in _TARGETS for word in where.split(",")):
        where, key = "", name
    if not equals or not key:
        raise InvalidInput(f'invalid annotation "{text}", expected key=value')
    found = []
    for word in (where or "manifest").split(","):
        target, _, platform = word.partition("[")
        chosen = parse_platform(platform.rstrip("]")) if platform else None
        if chosen is not None and target.startswith("index"):
            raise InvalidInput(f"annotation type {target} cannot have a platform")
        found.append(Annotation(cast(Target, target), key, value, chosen))
    return found


def _provenance(fields: dict[str, str]) -> ProvenanceRequest:
    mode = fields.pop("mode", "max")
    mode = "max" if mode == "full" else mode
    version = fields.pop("version", "v0.2")
    if mode not in ("min", "max"):
        raise InvalidInput(f'invalid provenance mode "{mode}"')
    if version not in ("v0.2", "v1"):
        raise InvalidInput(f'invalid SLSA provenance version "{version}"')
    builder = fields.pop("builder-id", "")
    reproducible = _truth(fields.pop("reproducible", "false"), "reproducible")
    file = fields.pop("filename", "provenance.json")
    if not file or "/" in file or file in (".", ".."):
        raise InvalidInput(f'invalid provenance filename "{file}"')
    if _truth(fields.pop("inline-only", "false"), "inline-only"):
        file = ""
    _no_more(fields, "provenance")
    return ProvenanceRequest(
        cast(Literal["min", "max"], mode), cast(Literal["v0.2", "v1"], version), builder, reproducible, file
    )


def _fields(text: str) -> dict[str, str]:
    import csv

    try:
        (row,) = csv.reader([text], strict=True)
    except (csv.Error, ValueError):
        raise InvalidInput(f"invalid value {text}") from None
    found: dict[str, str] = {}
    for word in row:
        name, equals, value = word.partition("=")
        if not equals:
            raise InvalidInput(f"invalid value {word}")
        found[name.lower()] = value
    return found


def _no_more(fields: dict[str, str], kind: str) -> None:
    for name in fields:
        raise InvalidInput(f"{kind} attestation option {name} is not supported")


def _is_truth(text: str) -> bool:
    return text.lower() in _TRUE + _FALSE


def _truth(text: str, name: str) -> bool:
    if not _is_truth(text):
        raise InvalidInput(f'invalid value "{text}" for {name}')
    return text.lower() in _TRUE
