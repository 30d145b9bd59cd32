"""The end of a build: images from the stages, an index where there are several, and where all of it goes."""

from __future__ import annotations

from collections.abc import Sequence

from pallet.build.image import make_image
from pallet.build.options import BuildResult
from pallet.build.output import write_outputs
from pallet.build.platforms import Built, Result, index_blobs, make_index_of
from pallet.build.shared import Shared, Work
from pallet.build.state import State
from pallet.ops.record_image import record_image


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
        step.log("exporting layers\n")
        shared.book.keep()
        images = [_image(shared, work, state) for work, state in zip(works, states, strict=True)]
        index = make_index_of(images) if len(images) > 1 else None
        result = Result(tuple(images), index)
        _put(shared, result)
        if index is not None:
            for image in images:
                step.log(f"exporting manifest {image.manifest.digest}\n")
            step.log(f"exporting manifest list {index.digest}\n")
        if not options.outputs or any(output.type == "image" for output in options.outputs):
            _store(shared, result)
            step.log(f"writing image {result.main.config.id}\n")
            for reference in options.tags:
                step.log(f"naming to {reference.with_default_tag()}\n")
    write_outputs(shared, result)
    main = result.main
    return BuildResult(main.config.id, main.manifest, main.config, options.tags, made, found, result.root)


def _image(shared: Shared, work: Work, state: State) -> Built:
    config, manifest = make_image(state, shared.options, oci=len(shared.options.platforms) > 1)
    return Built(work, state, config, manifest)


def _put(shared: Shared, result: Result) -> None:
    """Have the bytes of all documents in the store."""
    blobs = shared.engine.store.blobs
    for image in result.images:
        blobs.put(image.config.raw)
        blobs.put(image.manifest.raw)
    if result.index is not None:
        blobs.put(result.index.raw)


def _store(shared: Shared, result: Result) -> None:
    """Record the image that runs here, with the index that leads to it, and name it."""
    engine, main = shared.engine, result.main
    with engine.store.db.transaction():  # one, for each waits for the disk
        # It has no parent, as docker's BuildKit has it: its base may be removed before it.
        record_image(engine, main.manifest, main.config)
        if result.index is not None:
            engine.store.images.add_index(main.config.id, result.index, index_blobs(result))
        for reference in shared.options.tags:
            engine.store.images.tag(reference.with_default_tag(), main.config.id, result.root.digest)
        shared.book.touch()
