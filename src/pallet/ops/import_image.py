"""`docker image import`: a tar of a file system becomes an image of one layer."""

from __future__ import annotations

from collections.abc import Sequence

from pallet.content import CHUNK_SIZE
from pallet.digest import Digest
from pallet.engine import Engine
from pallet.errors import Integrity
from pallet.layer.compress import Readable, decompressor
from pallet.layer.tarread import docker_text
from pallet.oci.config import ContainerConfig, History
from pallet.oci.descriptor import Descriptor
from pallet.oci.mutate import Step, append_layer, empty_config
from pallet.ops.plain_layer import PlainLayerMaker
from pallet.ops.record_event import image_event
from pallet.ops.record_image import record_image
from pallet.ops.tag_image import name_image
from pallet.ops.times import now_ns, rfc3339_nano
from pallet.platform import Platform, host
from pallet.reference import Reference
from pallet.version import DOCKER_VERSION


def import_image(
    engine: Engine,
    tar: Readable,
    reference: Reference | None = None,
    *,
    source: str = "-",
    message: str = "",
    changes: Sequence[str] = (),
    platform: Platform | None = None,
) -> Digest:
    """Make an image of one layer from a tar.

    Args:
        engine: whose store.
        tar: the tar, plain or compressed with gzip, bzip2, xz or zstd.
        reference: the image's name, `latest` if untagged; None for no name.
        source: where the tar came from, for the history.
        message: what to put into the history instead of `Imported from SOURCE`.
        changes: Dockerfile instructions that set the config (`CMD [...]`, `ENV A=b`).
        platform: the image's; None for this machine's.

    Returns:
        The image's id.

    Raises:
        InvalidInput: a bad change.
        Integrity: not a tar, or a hostile one, in docker's words where it has some.
    """
    config = ContainerConfig()
    if changes:
        from pallet.dockerfile.changes import apply_changes

        config = apply_changes(config, changes)
    with engine.store.adding():
        layer = _layer(engine, tar)
        comment = message or f"Imported from {source}"
        history = History(created=rfc3339_nano(now_ns()), comment=comment)
        step = Step(history, config, docker_version=DOCKER_VERSION)
        base = empty_config(platform or host())
        manifest, image = append_layer(base, (), layer, layer.digest, step)

        def recorded() -> None:
            if reference is not None:
                name_image(engine, reference, image.id, manifest.digest)
            image_event(engine, image.id, "import")

        record_image(engine, manifest, image, recorded=recorded)
    return image.id


def _layer(engine: Engine, tar: Readable) -> Descriptor:
    try:
        with PlainLayerMaker(engine, ()) as maker:
            stream = decompressor(tar)
            while chunk := stream.read(CHUNK_SIZE):
                maker.write(chunk)
            return maker.finish()
    except Integrity as error:
        raise type(error)(docker_text(error)) from error
