"""The end of a build: images from the stages, an index where there are several, and where all of it goes."""

from __future__ import annotations

from collections.abc import Sequence

from pallet.build.image import make_image
from pallet.build.options import BuildResult
from pallet.build.platforms import Built, Result, annotated, index_blobs, make_result
from pallet.build.shared import Shared, Work
from pallet.build.state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.build.attest.statement import Predicate


def finish(shared: Shared, works: Sequence[Work], states: Sequence[State]) -> BuildResult:
    """Make and keep what was asked for.

    Args:
        shared: the build's parts; every step is done.
        works: what was built, platform by platform.
        states: the target's stage of each.

    Raises:
        HostError: the disk is full, a file cannot be written, ...
    """
    options = shared.options
    made, found = shared.book.made, shared.book.found
    with shared.journal.step("exporting to image") as step:
        with step.part("exporting layers"):
            shared.book.keep()
            if options.leaves:
                from pallet.build.compressed import compress

                compress(shared, [state.top for state in states])
        images = [_image(shared, work, state) for work, state in zip(works, states, strict=True)]
        result = make_result(options, images, _said(shared, works, states))
        _put(shared, result)
        if result.index is not None:
            for manifest in result.tree.manifests:
                step.did(f"exporting manifest {manifest.digest}")
            step.did(f"exporting manifest list {result.index.digest}")
        if not options.outputs or any(output.type == "image" for output in options.outputs):
            with step.part(f"writing image {result.main.config.id}"):
                _store(shared, result)
            for reference in options.tags:
                step.did(f"naming to {reference.with_default_tag()}")
    if options.outputs:
        from pallet.build.output import write_outputs

        write_outputs(shared, result)
    if options.cache_to:
        from pallet.build.cacheexport import export_caches

        export_caches(shared, [state.top for state in states])
    main = result.main
    return BuildResult(
        main.config.id, main.manifest, main.config, options.tags, made, found, result.root, result.provenance
    )


def _image(shared: Shared, work: Work, state: State) -> Built:
    options, cache = shared.options, ""
    if options.cache_to or "BUILDKIT_INLINE_CACHE" in options.build_args:
        from pallet.build.cacheexport import inline_cache

        cache = inline_cache(shared, state.top)
    config, manifest = make_image(state, options, oci=options.needs_oci, cache=cache)
    return Built(work, state, config, annotated(options, config.platform, manifest))


def _said(shared: Shared, works: Sequence[Work], states: Sequence[State]) -> list[list[Predicate]]:
    """What is to be attached to each image."""
    if not shared.options.attest.wanted:
        return [[] for _ in works]
    from pallet.build.attest.collect import invocation_of, predicates

    invocation = invocation_of(shared, works[0])
    return [predicates(shared, work, state, invocation) for work, state in zip(works, states, strict=True)]


def _put(shared: Shared, result: Result) -> None:
    """Have the bytes of all documents in the store."""
    blobs = shared.engine.store.blobs
    for image in result.images:
        blobs.put(image.config.raw)
        blobs.put(image.manifest.raw)
    for attestation in result.attestations:
        for raw in (*attestation.blobs, attestation.manifest.raw):
            blobs.put(raw)
    if result.index is not None:
        blobs.put(result.index.raw)


def _store(shared: Shared, result: Result) -> None:
    """Record the image that runs here, with the index that leads to it, and name it."""
    from pallet.ops.tag_image import name_image

    engine, main = shared.engine, result.main
    known = _is_known(shared, result)
    with engine.store.db.transaction(lasting=not known):  # one, for each waits for the disk
        if not known:
            # It has no parent, as docker's BuildKit has it: its base may be removed before it.
            _record(shared, main)
            if result.index is not None:
                engine.store.images.add_index(main.config.id, result.index, index_blobs(result))
        for reference in shared.options.tags:
            name_image(engine, reference, main.config.id, result.root.digest)
        shared.book.touch()


def _is_known(shared: Shared, result: Result) -> bool:
    """Whether all names stand for this very result already, and it is whole, so that there is nothing to keep."""
    engine, main, tags = shared.engine, result.main, shared.options.tags
    names = {
        (row.name, row.tag) for row in engine.store.images.tags_of(main.config.id) if row.manifest == result.root.digest
    }
    wanted = {(tag.name, tag.with_default_tag().tag) for tag in tags}
    layers = main.state.top.downwards() if main.state.top else ()
    return bool(wanted) and wanted <= names and all(engine.store.blobs.has(each.packed.blob.digest) for each in layers)


def _record(shared: Shared, image: Built) -> None:
    """Record an image; its layers are unpacked and its blobs here but for a base's that somebody damaged."""
    engine, top = shared.engine, image.state.top
    layers = list(top.downwards())[::-1] if top else []
    if not all(engine.store.blobs.has(layer.packed.blob.digest) for layer in layers):
        from pallet.ops.record_image import record_image

        record_image(engine, image.manifest, image.config)
        return
    engine.store.blobs.sync()
    sizes = tuple(engine.snapshots.info(layer.chain_id).size for layer in layers)
    engine.store.images.add(image.config, image.manifest, sizes)
