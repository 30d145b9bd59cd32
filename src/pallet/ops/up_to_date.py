"""A pull that finds nothing new, answered without all that a pull needs. On the quick path.

Only the plainest case is decided here: a registry on this machine, without mirrors or certificates, whose name leads
straight to a manifest that came here under that very name, and of which nothing is missing. For everything else the
answer says so, and `pallet.ops.pull` starts from the beginning. What is said is what it would have said.
"""

from __future__ import annotations

import os

from pallet.digest import Digest
from pallet.naming import DEFAULT_TAG, familiar
from pallet.ops.record_event import image_event
from pallet.ops.whole import is_whole
from pallet.progress import Event
from pallet.registry.head import ask_on_loopback
from pallet.registry.loopback import is_loopback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.engine import Engine
    from pallet.progress import Progress

_CERTIFICATES = "/etc/docker/certs.d"


class Answer:
    """What one question to the registry has told.

    Attributes:
        reference: the whole reference of an image that is up to date; empty if a pull has to find out.
        is_there: the registry has an image under that name.
    """

    __slots__ = ("is_there", "reference")

    def __init__(self, reference: str = "", *, is_there: bool = False) -> None:
        self.reference = reference
        self.is_there = is_there


def up_to_date(engine: Engine, text: str, progress: Progress) -> Answer:
    """Whether the image that a name stands for in its registry is here already, under that name.

    Args:
        engine: whose store.
        text: the name, as the user wrote it.
        progress: told what a pull tells, if the image is up to date; else of nothing.

    Raises:
        HostError: the database cannot be read or written.
    """
    name, tag, digest = _split(text)
    domain, slash, path = name.partition("/")
    if not slash or not is_loopback(domain) or not _plain(engine, domain):
        return Answer()
    question = ask_on_loopback(domain, path, digest or tag)
    images = _known(engine, name, tag, digest)  # opening the database takes as long as the registry's answer
    found = question.digest()
    image = images.get(found) if found else None
    if found is None or image is None or not is_whole(engine, image, found):
        return Answer(is_there=found is not None)
    wanted = familiar(name) + (f"@{digest}" if digest else f":{tag}")
    image_event(engine, image, "pull", asked=wanted, name=familiar(name))
    progress(Event(f"Pulling from {path}", tag or f"{name}@{digest}"))
    progress(Event(f"Digest: {found}"))
    progress(Event(f"Status: Image is up to date for {wanted}"))
    return Answer(f"{name}@{digest}" if digest else f"{name}:{tag}", is_there=True)


def _split(text: str) -> tuple[str, str, str]:
    """Name, and tag or digest. The grammar does not matter: what breaks it is in no row of the database."""
    name, _, digest = text.partition("@")
    before, colon, tag = name.rpartition(":")
    if colon and "/" not in tag:
        return before, "" if digest else tag, "" if digest and tag else digest
    return name, "" if digest else DEFAULT_TAG, digest


def _plain(engine: Engine, domain: str) -> bool:
    """Whether nothing is configured about the registry."""
    file = engine.settings.registries_file
    try:
        if file is not None and os.stat(file).st_size:
            return False
    except OSError:
        return False
    return not os.path.exists(f"{_CERTIFICATES}/{domain}")


def _known(engine: Engine, name: str, tag: str, digest: str) -> dict[str, Digest]:
    """The images that came here under this name, by their manifests' digests; of a tag, the one that has it now."""
    if digest:
        query = "SELECT digest, image FROM repo_digests r WHERE name = ? AND digest = ?"
    else:
        query = "SELECT manifest, image FROM tags t WHERE name = ? AND tag = ?"
        query += " AND (name, manifest, image) IN (SELECT name, digest, image FROM repo_digests)"
    rows = engine.store.db.rows(query, (name, digest or tag))
    return {manifest: Digest(image) for manifest, image in rows}
