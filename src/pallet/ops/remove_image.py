"""`docker image rm`: take names away, and the image with its last one.

The rules and texts are docker's (moby, daemon/images/image_delete.go).
"""

from __future__ import annotations

from pallet.digest import Digest
from pallet.errors import Conflict
from pallet.layer.unsynced import OLD
from pallet.ops.record_event import image_event
from pallet.reference import Reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.engine import Engine
    from pallet.store.rows import Match


class Removed(tuple[str, str]):
    """One line of docker's answer: a name that is gone, or an image or layer that is."""

    __slots__ = ()

    def __new__(cls, *, untagged: str = "", deleted: str = "") -> Removed:
        return super().__new__(cls, (untagged, deleted))

    @property
    def untagged(self) -> str:
        """The name; empty if it is another line."""
        return self[0]

    @property
    def deleted(self) -> str:
        """The image's id or the layer's chain ID; empty if it is another line."""
        return self[1]


def remove_image(engine: Engine, name: str, *, force: bool = False, prune_parents: bool = True) -> list[Removed]:
    """Remove a name, or an image by its id.

    Args:
        engine: whose store.
        name: a reference, an id, or a prefix of one.
        force: remove what several names or stopped containers still use.
        prune_parents: also remove untagged parents that nothing else needs.

    Returns:
        What went, in order.

    Raises:
        NoSuchImage: there is no such image.
        Conflict: it is in use, with docker's text.
    """
    images, unsynced = engine.store.images, engine.snapshots.unsynced
    removed: list[Removed] = []
    with engine.store.db.transaction():
        match = images.resolve(name)
        named = _name_of(match)
        if named is not None:
            if not force and _single(_references(engine, match.image)):
                _refuse_if_used(engine, match.image, name)
            removed += _untag(engine, match.image, named)
            if _references(engine, match.image):
                return removed
        elif force or _single(_references(engine, match.image)):
            references = _references(engine, match.image)
            _refuse_conflicts(engine, match.image, force=force, ignore_references=True)
            for reference in references:
                _drop(engine, reference, match.image)
                removed.append(Removed(untagged=reference.familiar))
        removed += _delete(engine, match.image, force=force, prune_parents=prune_parents)
    engine.store.collect(blocking=False)  # bytes that are in use by those who add are left to them
    unsynced.make_good(older_than=OLD)
    return removed


def _untag(engine: Engine, image: Digest, reference: Reference) -> list[Removed]:
    _drop(engine, reference, image)
    removed = [Removed(untagged=reference.familiar)]
    left = [other for other in _references(engine, image) if other.name == reference.name]
    if reference.digest is None and not any(other.tag for other in left):
        for other in left:
            engine.store.images.remove_repo_digest(other, image)  # without an event, as with docker
            removed.append(Removed(untagged=other.familiar))
    return removed


def _delete(engine: Engine, image: Digest, *, force: bool, prune_parents: bool) -> list[Removed]:
    _refuse_conflicts(engine, image, force=force)
    images = engine.store.images
    removed: list[Removed] = []
    current = image
    while True:
        parent = images.get(current).parent
        if engine.store.containers.using_image(current):
            engine.snapshots.unsynced.make_good()  # what they stand on cannot be made again without its blobs
        chains = images.delete(current)
        image_event(engine, current, "delete")
        removed.append(Removed(deleted=current))
        removed += [Removed(deleted=chain) for chain in chains]
        if not prune_parents or not parent:
            return removed
        current = Digest(parent)
        if _references(engine, current) or images.children(current) or engine.store.containers.using_image(current):
            return removed


def _references(engine: Engine, image: Digest) -> list[Reference]:
    """All names of an image, in docker's order."""
    images = engine.store.images
    names = [_reference(tag.name, tag.tag, None) for tag in images.tags_of(image)]
    names += [_reference(row.name, None, Digest(row.digest)) for row in images.repo_digests_of(image)]
    return sorted(names, key=str)


def _reference(name: str, tag: str | None, digest: Digest | None) -> Reference:
    domain, _, path = name.partition("/")
    return Reference(domain, path, tag, digest)


def _name_of(match: Match) -> Reference | None:
    """The name that matched; None for an id."""
    if match.tag is not None:
        return _reference(match.tag.name, match.tag.tag, None)
    if match.digest is not None:
        return _reference(match.digest.name, None, match.digest.digest)
    return None


def _drop(engine: Engine, reference: Reference, image: Digest) -> None:
    image_event(engine, image, "untag")
    if reference.digest is not None:
        engine.store.images.remove_repo_digest(reference, image)
    else:
        engine.store.images.untag(reference)


def _single(references: list[Reference]) -> bool:
    """Whether at most one tag, and only names of one repository, refer to the image."""
    tags = [reference for reference in references if reference.tag]
    return len(tags) <= 1 and len({reference.name for reference in references}) <= 1


def _refuse_if_used(engine: Engine, image: Digest, name: str) -> None:
    users = engine.store.containers.using_image(image)
    if users:
        raise Conflict(
            f'conflict: unable to remove repository reference "{name}" (must force) - '
            f"container {users[0].id[:12]} is using its referenced image {image.short}"
        )


def _refuse_conflicts(engine: Engine, image: Digest, *, force: bool, ignore_references: bool = False) -> None:
    from pallet.ops.container_running import is_running

    running = stopped = ""
    for user in engine.store.containers.using_image(image):
        if is_running(engine, user):
            running = running or user.id[:12]
        else:
            stopped = stopped or user.id[:12]
    reason, final = "", True
    if engine.store.images.children(image):
        reason = "image has dependent child images"
    elif running:
        reason = f"image is being used by running container {running}"
    elif not force:
        final = False
        if not ignore_references and _references(engine, image):
            reason = "image is referenced in multiple repositories"
        elif stopped:
            reason = f"image is being used by stopped container {stopped}"
    if reason:
        how = "cannot be forced" if final else "must be forced"
        raise Conflict(f"conflict: unable to delete {image.short} ({how}) - {reason}")
