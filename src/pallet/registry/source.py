"""A registry as a source of one image. Source: OCI distribution spec 1.1, "Pull"."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec

from pallet.content import CONFIG_LIMIT, MANIFEST_LIMIT, verify
from pallet.digest import Digest
from pallet.errors import Integrity, NotFound, PalletError, Unavailable
from pallet.oci import media
from pallet.oci.codec import decode
from pallet.oci.descriptor import Descriptor
from pallet.reference import Reference
from pallet.registry.answer import Answer
from pallet.registry.auth import problem_of
from pallet.registry.download import Download
from pallet.registry.endpoint import Endpoint
from pallet.registry.stop import Stop
from pallet.registry.transport import elsewhere

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.registry.client import Registry

_ACCEPT = ", ".join(media.ACCEPT)
_V1 = frozenset({media.DOCKER_MANIFEST_V1, media.DOCKER_MANIFEST_V1_SIGNED})


class RegistrySource:
    """One image in a registry, or in the first of its mirrors that has it.

    Blobs may be read by several threads at a time.

    Args:
        client: the connections.
        reference: the image; without tag and digest it is `latest`.
    """

    def __init__(self, client: Registry, reference: Reference) -> None:
        self.reference = reference.with_default_tag()
        self._client = client
        self._places = client.endpoints(reference)
        self._lock = threading.Lock()
        self._root: tuple[Descriptor, bytes] | None = None
        self._stop = Stop()

    def interrupt(self) -> None:
        """End all reading of blobs at once, whatever it waits for; it raises Stopped, now and later."""
        self._stop.set()

    def root(self) -> Descriptor:
        """The descriptor of the manifest or index; asked for once, its bytes are kept.

        Raises:
            NotFound, Unauthorized, Unavailable: with docker's texts.
            Integrity: the bytes are not those of the digest that was asked for, or that the registry names.
        """
        with self._lock:
            if self._root is None:
                self._root = self._find_root()
            return self._root[0]

    def read_manifest(self, descriptor: Descriptor) -> bytes:
        """The bytes of a manifest, index or config, verified.

        Raises:
            NotFound, Unauthorized, Unavailable: the registry's answer.
            Integrity: the bytes are not what `descriptor` promises.
        """
        if self._root is not None and self._root[0].digest == descriptor.digest:
            return verify(self._root[1], descriptor)
        limit = MANIFEST_LIMIT if _is_manifest(descriptor.media_type) else CONFIG_LIMIT
        if descriptor.size > limit:
            raise Integrity(f"{descriptor.digest} is larger than the {limit} bytes allowed")
        if not _is_manifest(descriptor.media_type):
            return verify(b"".join(self.blob_chunks(descriptor)), descriptor)
        for place, last in self._candidates():
            try:
                raw, _ = self._get_manifest(place, descriptor.digest)
                return verify(raw, descriptor)
            except PalletError:
                if last:
                    raise
        raise AssertionError("there is always a registry")

    def blob_chunks(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        """A blob's bytes from `offset` on, in one stream over broken connections; not verified.

        A place that fails for good is followed by the next one, from where it broke off.

        Raises:
            NotFound, Unauthorized, Unavailable: the registry's answer.
            Integrity: more bytes than `descriptor` promises.
            Stopped: it was interrupted.
        """
        download = Download(descriptor, offset, self._client.transport.patience, self._stop)
        foreign = _foreign_urls(descriptor)
        for place, last in self._candidates():
            try:
                yield from download.chunks(partial(self._ask, place, descriptor))
                return
            except NotFound:
                if last and not foreign:
                    raise
            except PalletError:
                if last:
                    raise
        for number, url in enumerate(foreign, 1):
            try:
                yield from download.chunks(partial(self._ask_elsewhere, url))
                return
            except PalletError:
                if number == len(foreign):
                    raise

    def _candidates(self) -> Iterator[tuple[Endpoint, bool]]:
        places = self._places
        for number, place in enumerate(places, 1):
            yield place, number == len(places)

    def _find_root(self) -> tuple[Descriptor, bytes]:
        for place, last in self._candidates():
            try:
                raw, content_type = self._get_manifest(place, self.reference.digest or self.reference.tag or "latest")
                digest = Digest.of(raw)
                if self.reference.digest not in (None, digest):
                    raise Integrity(f"{self.reference.digest}: the content has the digest {digest}")
                found = Descriptor(_media_type(raw, content_type), digest, len(raw))
            except PalletError:
                if last:
                    raise
                continue
            # Its blobs are where it is, as a rule: ask there first.
            self._places = (place, *(other for other in self._places if other != place))
            return found, raw
        raise AssertionError("there is always a registry")

    def _get_manifest(self, place: Endpoint, target: str) -> tuple[bytes, str]:
        patience = self._client.transport.patience
        attempts = 1 if place.mirror else patience.attempts
        for failures in range(1, attempts):
            try:
                return self._get_manifest_once(place, target, attempts)
            except _BrokenOff:
                patience.sleep(failures)
        try:
            return self._get_manifest_once(place, target, attempts)
        except _BrokenOff as broken:
            raise broken.failure from broken

    def _get_manifest_once(self, place: Endpoint, target: str, attempts: int) -> tuple[bytes, str]:
        answer = self._client.request(
            place,
            "GET",
            f"/v2/{place.repository}/manifests/{target}",
            scopes=_scopes(place),
            headers={"Accept": _ACCEPT},
            attempts=attempts,
            first=True,
            refusal="Head",  # docker asks with HEAD first, and says so
        )
        if answer.status != 200:
            raise problem_of(answer).error_for_pull(self.reference)
        try:
            raw = answer.read(MANIFEST_LIMIT, f"the manifest of {self.reference.familiar}")
        except Unavailable as error:
            raise _BrokenOff(error) from error
        named = answer.header("Docker-Content-Digest")
        if named.startswith("sha256:") and named != Digest.of(raw):
            raise Integrity(f"{named}: the content has the digest {Digest.of(raw)}")
        return raw, answer.header("Content-Type").partition(";")[0].strip().lower()

    def _ask(self, place: Endpoint, descriptor: Descriptor, position: int) -> Answer:
        with self._stop.applied():
            return self._client.request(
                place,
                "GET",
                f"/v2/{place.repository}/blobs/{descriptor.digest}",
                scopes=_scopes(place),
                headers=_range(position),
                reconnect=False,  # the download does that
            )

    def _ask_elsewhere(self, url: str, position: int) -> Answer:
        with self._stop.applied():
            return self._client.transport.send(
                "GET", url, tls=elsewhere(url), headers=_range(position), reconnect=False
            )


def _scopes(place: Endpoint) -> tuple[str, ...]:
    return (f"repository:{place.repository}:pull",)


def _range(position: int) -> dict[str, str]:
    return {"Range": f"bytes={position}-"} if position else {}


def _is_manifest(media_type: str) -> bool:
    return media.is_manifest(media_type) or media.is_index(media_type) or media_type in _V1


def _foreign_urls(descriptor: Descriptor) -> list[str]:
    """Where a layer that registries may not hold can be had; only such layers may send us to other servers."""
    if ".foreign." not in descriptor.media_type and ".nondistributable." not in descriptor.media_type:
        return []
    return [url for url in descriptor.urls if url.startswith(("https://", "http://"))]


class _BrokenOff(Exception):
    def __init__(self, failure: Unavailable) -> None:
        super().__init__(failure.message)
        self.failure = failure


class _Shape(msgspec.Struct, frozen=True, rename="camel"):
    media_type: str = ""
    manifests: Any = None
    layers: Any = None


def _media_type(raw: bytes, content_type: str) -> str:
    """What a document is: as it says itself, else as the registry says, else as it looks.

    Raises:
        Integrity: it can be read as an index and as a manifest, which would mean different things to different readers.
        InvalidInput: it is no JSON object.
    """
    shape = decode(raw, _Shape, "the image manifest")
    if shape.manifests is not None and shape.layers is not None:
        raise Integrity("the image manifest has both layers and manifests")
    for said in (shape.media_type, content_type):
        if _is_manifest(said):
            return said
    if shape.manifests is not None:
        return media.OCI_INDEX
    return media.OCI_MANIFEST if shape.layers is not None else content_type
