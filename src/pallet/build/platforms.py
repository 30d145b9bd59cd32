"""Images for several platforms, and the index that leads to each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from pallet.build.options import BuildOptions
from pallet.build.shared import Work
from pallet.build.state import State
from pallet.errors import NotFound
from pallet.oci.config import ImageConfig
from pallet.oci.descriptor import Descriptor
from pallet.oci.index import Index, make_index
from pallet.oci.manifest import Manifest, make_manifest
from pallet.ops.images import ImageTree
from pallet.platform import Platform, host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.build.attest.statement import Attestation, Predicate

_PROVENANCE = "https://slsa.dev/provenance/"


class Built(msgspec.Struct, frozen=True):
    """The image of one platform.

    Attributes:
        work: what was asked for.
        state: the target's stage.
        config: its config.
        manifest: its manifest.
    """

    work: Work
    state: State
    config: ImageConfig
    manifest: Manifest

    @property
    def descriptor(self) -> Descriptor:
        """What an index says of it."""
        return msgspec.structs.replace(self.manifest.descriptor, platform=self.config.platform.normalized())


class Result(msgspec.Struct, frozen=True):
    """What a build made.

    Attributes:
        images: at least one, in the order of the platforms.
        index: leads to them; None for a single image by itself.
        attestations: what is attached to the images.
        said: of each image, what was attached.
        annotations: of the root's descriptor.
    """

    images: tuple[Built, ...]
    index: Index | None = None
    attestations: tuple[Attestation, ...] = ()
    said: tuple[tuple[Predicate, ...], ...] = ()
    annotations: dict[str, str] = {}

    @property
    def main(self) -> Built:
        """The image that suits this machine, else the first."""
        if self.index is not None:
            try:
                best = self.index.choose(host()).digest
            except NotFound:
                return self.images[0]
            return next(image for image in self.images if image.manifest.digest == best)
        return self.images[0]

    @property
    def tree(self) -> ImageTree:
        """All of it, to be copied elsewhere."""
        manifests = [image.manifest for image in self.images] + [each.manifest for each in self.attestations]
        return ImageTree(tuple(manifests), self.index)

    @property
    def root(self) -> Descriptor:
        """The index, or the only manifest."""
        return msgspec.structs.replace(self.tree.root, annotations=self.annotations)

    @property
    def provenance(self) -> dict[str, dict[str, Any]]:
        """Of each platform, if there is any."""
        pairs = zip(self.images, self.said, strict=True)
        return {
            str(image.work.platform): each.content
            for image, said in pairs
            for each in said
            if each.type.startswith(_PROVENANCE)
        }

    def statements(self, image: Built) -> dict[str, bytes]:
        """What is attached to an image, as files: names and contents."""
        from pallet.build.attest.statement import statement

        about = [{"name": "_", "digest": {"sha256": image.manifest.digest.hex}}]
        said = self.said[self.images.index(image)]
        return {each.file: statement(each, about) for each in said if each.file}


def make_result(options: BuildOptions, images: Sequence[Built], said: Sequence[Sequence[Predicate]]) -> Result:
    """Images with what is attached to them, and the index that both need.

    Args:
        options: names, and annotations.
        images: in the order of the platforms.
        said: what is to be attached to each.
    """
    attestations: tuple[Attestation, ...] = ()
    if any(said):
        from pallet.build.attest.statement import attest, subjects

        attestations = tuple(
            attest(image.manifest.descriptor, each, subjects(options.tags, image.work.platform, image.manifest.digest))
            for image, each in zip(images, said, strict=True)
            if each
        )
    descriptors = [
        msgspec.structs.replace(
            image.descriptor, annotations=_annotations(options, "manifest-descriptor", image.config.platform)
        )
        for image in images
    ]
    if len(images) > 1 or attestations:
        children = (*descriptors, *(each.descriptor for each in attestations))
        index, root = make_index(children, _annotations(options, "index")), _annotations(options, "index-descriptor")
    else:
        index, root = None, descriptors[0].annotations
    return Result(tuple(images), index, attestations, tuple(tuple(each) for each in said), root)


def annotated(options: BuildOptions, platform: Platform, manifest: Manifest) -> Manifest:
    """A manifest with the annotations that the options have for it."""
    found = _annotations(options, "manifest", platform)
    if not found:
        return manifest
    return make_manifest(manifest.config, manifest.layers, manifest.media_type, {**manifest.annotations, **found})


def _annotations(options: BuildOptions, target: str, platform: Platform | None = None) -> dict[str, str]:
    return {
        each.key: each.value
        for each in options.annotations
        if each.target == target
        and (each.platform is None or (platform is not None and each.platform == platform.normalized()))
    }


def index_blobs(result: Result) -> Iterator[Descriptor]:
    """Everything that an index leads to."""
    for manifest in result.tree.manifests:
        yield manifest.descriptor
        yield from manifest.blobs
