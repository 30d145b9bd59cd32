"""`--cache-from` and `--cache-to`: where caches of other builds come from, and where this one's goes.

Source: docker's documentation, "Cache storage backends"; names and defaults as in BuildKit.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, cast

import msgspec

from pallet.dockerfile.csvfields import csv_fields
from pallet.dockerfile.suggest import did_you_mean
from pallet.errors import InvalidInput
from pallet.reference import Reference
from pallet.reference import parse as parse_reference

Squeeze: TypeAlias = Literal["", "uncompressed", "gzip", "zstd"]

_ELSEWHERE = ("gha", "s3", "azblob")
_FROM = {"registry": ("ref",), "local": ("src", "digest", "tag")}
_WRITES = ("mode", "image-manifest", "oci-mediatypes", "compression", "compression-level", "force-compression")
_TO = {
    "registry": ("ref", "ignore-error", *_WRITES),
    "local": ("dest", "tag", "ignore-error", *_WRITES),
    "inline": ("mode",),
}


class CacheFrom(msgspec.Struct, frozen=True):
    """A cache to look into.

    Attributes:
        reference: of `registry`: where it is.
        path: of `local`: the directory, an OCI layout.
        digest: of `local`: which manifest; "" for the one with the tag.
        tag: of `local`.
    """

    type: Literal["registry", "local"]
    reference: Reference | None = None
    path: str = ""
    digest: str = ""
    tag: str = "latest"

    @property
    def name(self) -> str:
        """What it is called, for people."""
        return self.path if self.reference is None else str(self.reference.with_default_tag())


class CacheTo(msgspec.Struct, frozen=True):
    """A cache to write.

    Attributes:
        type: `inline` goes into the image's config.
        reference, path, tag: as in `CacheFrom`.
        everything: also the steps of stages that are not in the result (`mode=max`).
        as_index: an index whose entries are layers, which some registries refuse, instead of an image manifest.
        oci: OCI's media types, not docker's.
        compression: of the layers; "" as they are.
        ignore_error: a failure is told, and the build succeeds.
    """

    type: Literal["registry", "local", "inline"]
    reference: Reference | None = None
    path: str = ""
    tag: str = "latest"
    everything: bool = False
    as_index: bool = False
    oci: bool = True
    compression: Squeeze = ""
    ignore_error: bool = False

    @property
    def name(self) -> str:
        """What it is called, for people."""
        if self.type == "inline":
            return "inline cache"
        return self.path if self.reference is None else str(self.reference.with_default_tag())


def parse_cache_from(text: str) -> CacheFrom:
    """Understand a `--cache-from`: an image's name, or `type=registry,ref=...`, `type=local,src=...`.

    Raises:
        InvalidInput: a type, field or value that is not known, or one that is missing.
    """
    fields = _fields(text, _FROM)
    if fields["type"] == "registry":
        return CacheFrom("registry", _reference(fields))
    path, digest = _required(fields, "src"), fields.get("digest", "")
    return CacheFrom("local", None, path, digest, fields.get("tag", "latest"))


def parse_cache_to(text: str) -> CacheTo:
    """Understand a `--cache-to`: an image's name, or `type=registry,ref=...`, `type=local,dest=...`, `type=inline`.

    Raises:
        InvalidInput: as `parse_cache_from`.
    """
    fields = _fields(text, _TO)
    kind = cast(Literal["registry", "local", "inline"], fields["type"])
    mode = fields.get("mode", "min")
    if mode not in ("min", "max"):
        raise InvalidInput(f"unsupported cache export mode {mode}: it is min or max")
    if kind == "inline":
        if mode == "max":
            raise InvalidInput("inline cache has no mode=max: an image holds only its own layers")
        return CacheTo("inline")
    compression = fields.get("compression", "")
    if compression == "estargz":
        raise InvalidInput("compression estargz is not supported: use uncompressed, gzip or zstd")
    if compression not in ("", "uncompressed", "gzip", "zstd"):
        raise InvalidInput(f"unsupported compression type {compression}")
    _truth(fields, "force-compression", default=False)  # layers are always made anew that are not as wanted
    if "compression-level" in fields:
        raise InvalidInput("compression-level is not supported: each compression has one level")
    return CacheTo(
        kind,
        _reference(fields) if kind == "registry" else None,
        _required(fields, "dest") if kind == "local" else "",
        fields.get("tag", "latest"),
        everything=mode == "max",
        as_index=not _truth(fields, "image-manifest", default=True),
        oci=_truth(fields, "oci-mediatypes", default=True),
        compression=cast(Squeeze, compression),
        ignore_error=_truth(fields, "ignore-error", default=False),
    )


def _fields(text: str, known: dict[str, tuple[str, ...]]) -> dict[str, str]:
    words = csv_fields(text, "cache")
    if len(words) == 1 and "=" not in text:
        return {"type": "registry", "ref": text}
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise InvalidInput(f"invalid value {word}")
        found[name.lower()] = value
    kind = found.get("type", "")
    if not kind:
        raise InvalidInput(f'type required form> "{text}"')
    if kind in _ELSEWHERE:
        raise InvalidInput(f"cache type {kind} is not supported: use registry, local or inline")
    if kind not in known:
        raise InvalidInput(f"unknown cache type {kind}{did_you_mean(kind, tuple(known))}")
    for name in found:
        if name != "type" and name not in known[kind]:
            raise InvalidInput(f"unknown option {name} of cache type {kind}{did_you_mean(name, known[kind])}")
    return found


def _required(fields: dict[str, str], name: str) -> str:
    value = fields.get(name, "")
    if not value:
        raise InvalidInput(f"cache type {fields['type']} requires {name}")
    return value


def _reference(fields: dict[str, str]) -> Reference:
    return parse_reference(_required(fields, "ref"))


def _truth(fields: dict[str, str], name: str, *, default: bool) -> bool:
    value = fields.get(name)
    if value is None:
        return default
    if value not in ("true", "false", "1", "0"):
        raise InvalidInput(f"failed to parse {name}: invalid value {value}")
    return value in ("true", "1")
