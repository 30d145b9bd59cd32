"""Checking a store: every digest recomputed, every reference followed.

Source: docker and podman have no such command for a daemon's store; the idea is that of `git fsck`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Literal

import msgspec

from pallet.content import CHUNK_SIZE, MANIFEST_LIMIT
from pallet.digest import Digest
from pallet.errors import HostError, NotFound, PalletError
from pallet.oci.descriptor import Descriptor
from pallet.oci.manifest import parse_manifest
from pallet.store.db import Database
from pallet.store.gc import used_chains
from pallet.store.store import Store

Kind = Literal[
    "database",  # SQLite finds its own file damaged
    "blob-missing",  # an image needs it
    "blob-damaged",  # the file is not what its name says
    "blob-unreadable",  # the disk does not give it
    "manifest-wrong",  # a manifest says something else than the rows that were made from it
    "snapshot-missing",  # an image or container needs it
    "snapshot-damaged",  # the unpacked layer is not what its blob says (found by `pallet.ops.check`)
    "container-missing",  # a container's files are gone (found by `pallet.ops.check`)
    "tag-dangling",  # a tag or digest leads to nothing
]


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong.

    Attributes:
        kind: what sort of thing.
        key: the digest, chain ID or name it is about.
        detail: a sentence.
        images: the ids of the images it harms.
        containers: the ids of the containers it harms.
    """

    kind: Kind
    key: str
    detail: str
    images: tuple[Digest, ...] = ()
    containers: tuple[str, ...] = ()


def check(
    store: Store,
    has_snapshot: Callable[[str], bool] | None = None,
    *,
    advance: Callable[[int], None] | None = None,
) -> list[Finding]:
    """Find what is wrong with a store.

    Call it inside `store.adding()`, so that nothing is collected meanwhile.

    Args:
        store: the store.
        has_snapshot: whether the unpacked layer of a chain ID is here (`Snapshots.has`); None leaves them out.
        advance: told how many bytes of blobs were read.

    Returns:
        What was found, blobs first.
    """
    findings = list(_blobs(store, advance or (lambda count: None)))
    damaged = {finding.key for finding in findings}
    findings += _manifests(store, damaged)
    if has_snapshot is not None:
        findings += _snapshots(store, has_snapshot)
    findings += _names(store.db)
    findings += _database(store.db)
    return findings


def blob_bytes(store: Store) -> int:
    """How many bytes `check` will read, for a bar."""
    return sum(store.blobs.size(digest) for digest in store.blobs.all())


def _blobs(store: Store, advance: Callable[[int], None]) -> Iterator[Finding]:
    here = store.blobs.all()
    needed = {Digest(row[0]): row[1] for row in store.db.rows("SELECT DISTINCT digest, size FROM image_blobs")}
    for digest in sorted(needed.keys() - set(here)):
        yield Finding("blob-missing", digest, f"blob {digest} is missing", _users(store.db, digest))
    for digest in here:
        try:
            found = _digest_of(store, digest, advance)
        except NotFound:
            continue  # removed by hand meanwhile; if an image needs it, the next check says so
        except (HostError, OSError) as error:
            detail = f"blob {digest} cannot be read: {error}"
            yield Finding("blob-unreadable", digest, detail, _users(store.db, digest))
            continue
        if found != digest:
            detail = f"blob {digest}: the content has the digest {found}"
            yield Finding("blob-damaged", digest, detail, _users(store.db, digest))


def _digest_of(store: Store, digest: Digest, advance: Callable[[int], None]) -> Digest:
    hasher = sha256()
    with store.blobs.open(digest) as file:
        while chunk := file.read(CHUNK_SIZE):
            hasher.update(chunk)
            advance(len(chunk))
    return Digest("sha256:" + hasher.hexdigest())


def _manifests(store: Store, damaged: set[str]) -> Iterator[Finding]:
    """Whether the rows say what the manifests say."""
    rows = store.db.rows("SELECT image, digest, media_type, size FROM image_blobs WHERE kind = 'manifest'")
    for image, digest, media_type, size in rows:
        if digest in damaged or size > MANIFEST_LIMIT:
            continue
        try:
            manifest = parse_manifest(store.blobs.read(Descriptor(media_type, Digest(digest), size)), media_type)
        except (PalletError, OSError) as error:
            yield Finding("manifest-wrong", digest, f"manifest {digest}: {error}", (Digest(image),))
            continue
        said = [("config", 0, manifest.config.digest, manifest.config.size)]
        said += [("layer", place, layer.digest, layer.size) for place, layer in enumerate(manifest.layers)]
        stored = store.db.rows(
            "SELECT kind, position, digest, size FROM image_blobs"
            " WHERE image = ? AND manifest = ? AND kind != 'manifest' ORDER BY kind, position",
            (image, digest),
        )
        if said != stored or manifest.config.digest != image:
            detail = f"manifest {digest} does not name what image {image} was recorded with"
            yield Finding("manifest-wrong", digest, detail, (Digest(image),))


def _snapshots(store: Store, has_snapshot: Callable[[str], bool]) -> Iterator[Finding]:
    for chain in sorted(used_chains(store)):
        if has_snapshot(chain):
            continue
        rows = store.db.rows("SELECT DISTINCT image FROM image_blobs WHERE chain_id = ?", (chain,))
        containers = store.db.rows(_STANDING_ON, (chain,))
        yield Finding(
            "snapshot-missing",
            chain,
            f"unpacked layer {chain} is missing",
            tuple(Digest(row[0]) for row in rows),
            tuple(row[0] for row in containers),
        )


_STANDING_ON = """
    WITH RECURSIVE up (chain) AS (
        SELECT ?
        UNION
        SELECT layers.chain_id FROM up JOIN layers ON layers.parent = up.chain
    )
    SELECT id FROM containers WHERE chain_id IN (SELECT chain FROM up) ORDER BY id
"""


def _names(db: Database) -> Iterator[Finding]:
    rows = db.rows(
        "SELECT name || ':' || tag, image, manifest FROM tags t WHERE NOT EXISTS"
        " (SELECT 1 FROM image_blobs b WHERE b.image = t.image AND b.digest = t.manifest"
        " AND b.kind IN ('manifest', 'index'))"
    )
    for name, image, manifest in rows:
        yield Finding("tag-dangling", name, f"{name} leads to a manifest that is gone: {manifest}", (Digest(image),))
    rows = db.rows("SELECT name || '@' || digest, image FROM repo_digests WHERE image NOT IN (SELECT id FROM images)")
    for name, image in rows:
        yield Finding("tag-dangling", name, f"{name} leads to an image that is gone: {image}")


def _database(db: Database) -> Iterator[Finding]:
    try:
        for (message,) in db.rows("PRAGMA integrity_check"):
            if message != "ok":
                yield Finding("database", "db.sqlite", message)
        for table, _, parent, _ in db.rows("PRAGMA foreign_key_check"):
            yield Finding("database", "db.sqlite", f"a row of {table} refers to a row of {parent} that is gone")
    except HostError as error:
        yield Finding("database", "db.sqlite", error.message)


def _users(db: Database, digest: Digest) -> tuple[Digest, ...]:
    rows = db.rows("SELECT DISTINCT image FROM image_blobs WHERE digest = ? ORDER BY image", (digest,))
    return tuple(Digest(row[0]) for row in rows)
