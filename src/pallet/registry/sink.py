"""A repository as a sink of images. Source: OCI distribution spec 1.1, "Push"."""

from __future__ import annotations

import threading
from urllib.parse import quote, urljoin

from pallet.content import Advance, ImageSource
from pallet.digest import Digest
from pallet.errors import Forbidden, Integrity, InvalidInput, Unauthorized, Unavailable
from pallet.oci.descriptor import Descriptor
from pallet.reference import Reference, split_domain
from pallet.registry.answer import Answer
from pallet.registry.auth import problem_of
from pallet.registry.upload import Upload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.registry.client import MountFrom, Registry

_MOST_MOUNTS = 3


class RegistrySink:
    """One repository in a registry, to be written to. Blobs may be written by several threads at a time.

    Args:
        client: the connections.
        reference: the repository.
        mount_from: names of repositories that may have a blob; those in the same registry are asked to share it.
    """

    parallel = 5

    def __init__(self, client: Registry, reference: Reference, mount_from: MountFrom | None = None) -> None:
        self.reference = reference
        self._client = client
        self._endpoint = client.endpoint(reference.domain, reference.path)
        self._base = f"/v2/{self._endpoint.repository}"
        self._scopes = (f"repository:{self._endpoint.repository}:pull,push",)
        self._mount_from = mount_from
        self._mounted: dict[Digest, str] = {}
        self._lock = threading.Lock()

    def has_blob(self, descriptor: Descriptor) -> bool:
        """Whether the repository has the blob, or may not be given it (layers that are not distributable).

        Raises:
            Unauthorized, Forbidden, Unavailable: the registry's answer.
        """
        if ".foreign." in descriptor.media_type or ".nondistributable." in descriptor.media_type:
            return True
        answer = self._request("HEAD", f"{self._base}/blobs/{descriptor.digest}")
        status = answer.status
        if status not in (200, 404):
            raise problem_of(answer).error()
        answer.discard()
        return status == 200

    def put_blob(self, descriptor: Descriptor, source: ImageSource, advance: Advance) -> None:
        """Mount the blob from another repository of the registry, or else send it.

        Raises:
            Integrity: the source's bytes are not what `descriptor` promises.
            Unauthorized, Forbidden, Unavailable: the registry's answer.
        """
        location = ""
        for path in self._mount_candidates(descriptor):
            location = self._mount(descriptor, path, location)
            if not location:
                with self._lock:
                    self._mounted[descriptor.digest] = path
                return
        Upload(self._client, self._endpoint, self._scopes, descriptor, self._start, location, source, advance).run()

    def mounted_from(self, descriptor: Descriptor) -> str:
        """The repository a blob was mounted from, for docker's `Mounted from library/x`; empty if it was sent."""
        with self._lock:
            return self._mounted.get(descriptor.digest, "")

    def put_manifest(self, descriptor: Descriptor, raw: bytes) -> None:
        """Keep a manifest or index under its digest.

        Raises:
            Integrity: the registry made something else of it.
            Unauthorized, Forbidden, Unavailable, ...: the registry's answer.
        """
        self._put(str(descriptor.digest), raw, descriptor.media_type)

    def tag(self, reference: Reference, raw: bytes, media_type: str) -> Digest:
        """Put a manifest or index under a tag of this repository; returns its digest.

        Args:
            reference: the repository with a tag (or digest); without either it is `latest`.
            raw: the document.
            media_type: its type.

        Raises:
            InvalidInput: `reference` is in another repository.
            Integrity, Unauthorized, Forbidden, Unavailable, ...: as `put_manifest`.
        """
        if reference.name != self.reference.name:
            raise InvalidInput(f"{reference.familiar_name} is not the repository {self.reference.familiar_name}")
        wanted = reference.with_default_tag()
        return self._put(wanted.tag or str(wanted.digest), raw, media_type)

    def _put(self, name: str, raw: bytes, media_type: str) -> Digest:
        answer = self._request("PUT", f"{self._base}/manifests/{name}", headers={"Content-Type": media_type}, body=raw)
        if answer.status not in (200, 201, 202):
            raise problem_of(answer).error()
        said = answer.header("Docker-Content-Digest")
        answer.discard()
        digest = Digest.of(raw)
        if said.startswith("sha256:") and said != digest:
            raise Integrity(f"{digest}: the registry stored it as {said}")
        return digest

    def _mount_candidates(self, descriptor: Descriptor) -> list[str]:
        if self._mount_from is None:
            return []
        found: dict[str, None] = {}
        for name in self._mount_from(descriptor):
            domain, path = split_domain(name) if isinstance(name, str) else (name.domain, name.path)
            if domain == self.reference.domain and path != self.reference.path:
                found[self._client.endpoint(domain, path).repository] = None
        return list(found)[:_MOST_MOUNTS]

    def _mount(self, descriptor: Descriptor, path: str, location: str) -> str:
        """Try a mount; returns a session's address if it did not work and the blob must be sent."""
        target = f"{self._base}/blobs/uploads/?mount={descriptor.digest}&from={quote(path, safe='')}"
        try:
            answer = self._request("POST", target, scopes=(*self._scopes, f"repository:{path}:pull"))
        except (Unauthorized, Forbidden):
            return location or self._start()
        status = answer.status
        answer.discard()
        if status == 201:
            if location:
                self._request("DELETE", location).discard()
            return ""
        if status != 202:
            # Not allowed to read there, or not known: no reason not to send it.
            return location or self._start()
        if location:
            self._request("DELETE", location).discard()
        return _location(answer)

    def _start(self) -> str:
        answer = self._request("POST", f"{self._base}/blobs/uploads/")
        if answer.status != 202:
            raise problem_of(answer).error()
        answer.discard()
        return _location(answer)

    def _request(
        self,
        method: str,
        target: str,
        *,
        scopes: tuple[str, ...] = (),
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        # Sessions may be started twice: one that is not used is forgotten by the registry.
        given = dict(headers or {})
        if method == "POST":
            given["Content-Length"] = "0"
        return self._client.request(
            self._endpoint, method, target, scopes=scopes or self._scopes, headers=given, body=body, first=True
        )


def _location(answer: Answer) -> str:
    target = answer.header("Location")
    if not target:
        raise Unavailable(f'Post "{answer.url}": the registry names no upload location')
    return urljoin(answer.url, target)
