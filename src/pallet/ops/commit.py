"""`docker container commit`: a container's changes become a new layer on its image."""

from __future__ import annotations

from collections.abc import Sequence

from pallet.digest import Digest
from pallet.engine import Engine
from pallet.host.idmap import in_user_namespace
from pallet.layer.diff import write_diff
from pallet.oci.config import History
from pallet.oci.descriptor import Descriptor
from pallet.oci.mutate import Step, append_layer
from pallet.ops.container_pause import paused
from pallet.ops.images import image_by_id
from pallet.ops.plain_layer import EMPTY_TAR, PlainLayerMaker
from pallet.ops.record_event import container_event
from pallet.ops.record_image import record_image
from pallet.ops.tag_image import name_image
from pallet.ops.times import now_ns, rfc3339_nano
from pallet.reference import Reference
from pallet.runtime.paths import ContainerPaths
from pallet.store.container_record import ContainerRecord
from pallet.version import DOCKER_VERSION


def commit(
    engine: Engine,
    container: str,
    reference: Reference | None = None,
    *,
    author: str = "",
    message: str = "",
    changes: Sequence[str] = (),
    pause: bool = True,
) -> Digest:
    """Make an image from a container, running or stopped.

    Args:
        engine: whose store.
        container: its name, id or id prefix.
        reference: the new image's name, `latest` if untagged; None for no name.
        author: who made it.
        message: what for.
        changes: Dockerfile instructions that change the config.
        pause: hold a running container's processes while its files are read; a user without privileges cannot.

    Returns:
        The new image's id.

    Raises:
        NoSuchContainer: there is none.
        InvalidInput: a bad change.
    """
    record = engine.store.containers.find(container)
    config = record.config
    if changes:
        from pallet.dockerfile.changes import apply_changes

        config = apply_changes(config, changes)
    with engine.store.adding():
        base = image_by_id(engine, record.image)
        with paused(engine, record, pause and not in_user_namespace()):
            layer = _changes(engine, record, base.config.diff_ids)
        empty = layer.digest == EMPTY_TAR
        history = History(
            created=rfc3339_nano(now_ns()),
            created_by=" ".join(record.config.cmd or ()),
            author=author,
            comment=message,
            empty_layer=empty,
        )
        step = Step(history, config, record.id, record.config, DOCKER_VERSION)
        manifest, image = append_layer(base.config, base.manifest.layers, None if empty else layer, layer.digest, step)
        about = {
            "comment": message,
            "imageID": image.id,
            "imageRef": reference.with_default_tag().familiar if reference else "",
        }

        def recorded() -> None:
            if reference is not None:
                name_image(engine, reference, image.id, manifest.digest)
            container_event(engine, record, "commit", about)

        record_image(engine, manifest, image, parent=record.image, comment=message, recorded=recorded)
    return image.id


def _changes(engine: Engine, record: ContainerRecord, parents: Sequence[Digest]) -> Descriptor:
    with PlainLayerMaker(engine, parents) as maker:
        write_diff(ContainerPaths(engine.settings, record.id).upper, maker, userxattr=in_user_namespace())
        return maker.finish()
