"""All tags of a repository. Source: OCI distribution spec 1.1, "Listing Tags"."""

from __future__ import annotations

import re
from urllib.parse import urljoin

import msgspec

from pallet.content import MANIFEST_LIMIT
from pallet.errors import PalletError, Unavailable
from pallet.oci.codec import decode
from pallet.reference import Reference
from pallet.registry.answer import origin
from pallet.registry.auth import problem_of
from pallet.registry.endpoint import Endpoint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.registry.client import Registry

_NEXT = re.compile(r"<([^>]*)>\s*;[^,]*\brel=\"?next\"?(?=[\s;,]|\Z)", re.IGNORECASE)
_MOST_PAGES = 10_000


class _Page(msgspec.Struct, frozen=True):
    tags: tuple[str, ...] | None = None


def list_tags(client: Registry, reference: Reference) -> list[str]:
    """The tags of a repository, of the first place that answers, without repetitions.

    Raises:
        NotFound, Unauthorized, Unavailable: with docker's texts.
    """
    *mirrors, registry = client.endpoints(reference)
    for place in mirrors:
        try:
            return _list(client, place, reference)
        except PalletError:
            continue
    return _list(client, registry, reference)


def _list(client: Registry, place: Endpoint, reference: Reference) -> list[str]:
    scopes = (f"repository:{place.repository}:pull",)
    target = f"/v2/{place.repository}/tags/list"
    tags: dict[str, None] = {}
    for _ in range(_MOST_PAGES):
        answer = client.request(
            place, "GET", target, scopes=scopes, attempts=1 if place.mirror else None, first=True, refusal="Get"
        )
        if answer.status != 200:
            raise problem_of(answer).error_for_pull(reference)
        page = decode(answer.read(MANIFEST_LIMIT, "the list of tags"), _Page, "the list of tags")
        before = len(tags)
        tags.update(dict.fromkeys(page.tags or ()))
        link = _NEXT.search(answer.header("Link"))
        if link is None:
            return list(tags)
        target = urljoin(answer.url, link[1])
        if origin(target) != origin(answer.url) or len(tags) == before:
            break
    raise Unavailable(f"the registry's list of the tags of {reference.familiar_name} does not end")
