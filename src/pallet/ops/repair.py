"""`pallet system check --repair`: damaged bytes are fetched or unpacked again, what cannot be had any more is dropped.

In this order: wrong blobs and unpacked layers are removed, so that nobody takes them for right; images that lack
something are unpacked again from their blobs, or fetched again by the digests under which registries know them; an
image that can neither be had nor run any more is removed, unless a container needs it. One that can still be run is
kept, although it cannot be pushed or saved. An index that cannot be completed is dropped; its names stand for the image
alone then.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from pallet.digest import Digest
from pallet.engine import Engine
from pallet.errors import Conflict, NoSuchImage, PalletError
from pallet.host.erofs import tar_of
from pallet.host.locks import lock
from pallet.oci.descriptor import Descriptor
from pallet.ops.container_running import is_running
from pallet.ops.copy import Words, copy_blobs, read_config, resolve_image
from pallet.ops.remove_image import remove_image
from pallet.ops.repair_index import restore_indexes
from pallet.ops.store_sink import StoreSink
from pallet.ops.store_source import StoreSource
from pallet.progress import Event, Progress
from pallet.reference import Reference
from pallet.registry.source import RegistrySource
from pallet.store.check import Finding
from pallet.store.indexes import has_own

_WORDS = Words("", "Restoring", (), "")


def repair(engine: Engine, findings: Sequence[Finding], progress: Progress) -> list[str]:
    """Put right what a check found, as far as that is possible.

    Args:
        engine: whose store.
        findings: what is wrong.
        progress: told of what is fetched.

    Returns:
        What was done, in sentences.
    """
    done = list(_remove_wrong(engine, findings))
    done += _drop_names(engine, findings)
    for image in sorted({image for finding in findings for image in finding.images}):
        try:
            if has_own(engine.store.db, image, {finding.key for finding in findings if image in finding.images}):
                done.append(_restore(engine, image, progress))
            done += restore_indexes(engine, image, progress)
        except NoSuchImage:
            continue
    return done


def _remove_wrong(engine: Engine, findings: Iterable[Finding]) -> Iterator[str]:
    in_use = _chains_of_running(engine)
    with lock(engine.store.lock_path):
        for finding in findings:
            if finding.kind in ("blob-damaged", "blob-unreadable"):
                engine.store.blobs.remove(Digest(finding.key))
                yield f"removed blob {finding.key}"
                for chain in _chains_on(engine, finding.key) - in_use:
                    engine.snapshots.remove(chain)
                    yield f"removed unpacked layer {chain}"
            elif finding.kind == "snapshot-damaged" and finding.key not in in_use:
                engine.snapshots.remove(finding.key)
                yield f"removed unpacked layer {finding.key}"


def _chains_on(engine: Engine, blob: str) -> set[str]:
    """The unpacked layers whose files are read from this very blob."""
    rows = engine.store.db.rows("SELECT chain_id FROM layers WHERE diff_id = ?", (blob,))
    return {chain for (chain,) in rows if os.path.exists(tar_of(engine.snapshots.image(chain)))}


def _chains_of_running(engine: Engine) -> set[str]:
    """The layers that are mounted right now: taking one away would change files under running processes."""
    chains: set[str] = set()
    for record in engine.store.containers.all():
        if not is_running(engine, record):
            continue
        chain: str = record.chain_id
        while chain and chain not in chains:
            chains.add(chain)
            row = engine.store.db.row("SELECT parent FROM layers WHERE chain_id = ?", (chain,))
            chain = row[0] if row else ""
    return chains


def _drop_names(engine: Engine, findings: Iterable[Finding]) -> Iterator[str]:
    for finding in findings:
        if finding.kind == "tag-dangling":
            with engine.store.db.transaction() as connection:
                connection.execute("DELETE FROM tags WHERE name || ':' || tag = ?", (finding.key,))
                connection.execute("DELETE FROM repo_digests WHERE name || '@' || digest = ?", (finding.key,))
            yield f"removed the name {finding.key}"


def _restore(engine: Engine, image: Digest, progress: Progress) -> str:
    failures: list[str] = []
    sources: list[str] = []
    for manifest in engine.store.images.manifests_of(image):
        sources.append(_restore_manifest(engine, image, manifest, failures, progress))
    if all(sources):
        return f"restored image {image} from {' and '.join(sorted(set(sources)))}"
    why = f" ({'; '.join(failures)})" if failures else ""
    if _can_run(engine, image):
        return f"kept image {image}: it runs, but blobs that it came from cannot be had any more{why}"
    try:
        remove_image(engine, image, force=True, prune_parents=False)
    except Conflict as error:
        return f"kept image {image}, which cannot be restored{why}: {error.message}"
    return f"removed image {image}, which cannot be restored{why}"


def _restore_manifest(
    engine: Engine, image: Digest, manifest: Descriptor, failures: list[str], progress: Progress
) -> str:
    """Complete an image from the store itself or from a registry; tells from where, or nothing if it failed."""
    try:
        _complete(engine, StoreSource(engine.store.blobs, manifest), progress)
        return "its blobs"
    except PalletError as error:
        if not (names := engine.store.images.repo_digests_of(image)):
            failures.append(error.message)
    for name in dict.fromkeys(row.name for row in names):
        domain, _, path = name.partition("/")
        reference = Reference(domain, path, None, manifest.digest)
        try:
            _complete(engine, RegistrySource(engine.registry, reference), progress)
            return reference.familiar
        except PalletError as error:
            failures.append(error.message)
    return ""


def _complete(engine: Engine, source: StoreSource | RegistrySource, progress: Progress) -> None:
    with engine.store.adding():
        manifest = resolve_image(source).manifest
        config = read_config(source, manifest)
        progress(Event(f"Restoring {config.id}"))
        with StoreSink(engine, manifest, config) as sink:
            copy_blobs(source, sink, manifest.layers, words=_WORDS, progress=progress)
            sink.finish(progress, "")


def _can_run(engine: Engine, image: Digest) -> bool:
    images, blobs = engine.store.images, engine.store.blobs
    documents = [images.config_of(image), images.manifests_of(image)[0]]
    chains = [layer.chain_id for layer in images.layers_of(image)]
    return all(blobs.has(each.digest) for each in documents) and all(map(engine.snapshots.has, chains))
