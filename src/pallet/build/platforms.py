"""Images for several platforms, and the index that leads to each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from pallet.build.shared import Work
from pallet.build.state import State
from pallet.errors import NotFound
from pallet.oci.config import ImageConfig
from pallet.oci.descriptor import Descriptor
from pallet.oci.index import Index, make_index
from pallet.oci.manifest import Manifest
from pallet.ops.images import ImageTree
from pallet.platform import host


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
    """

    images: tuple[Built, ...]
    index: Index | None = None

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
        return ImageTree(tuple(image.manifest for image in self.images), self.index)

    @property
    def root(self) -> Descriptor:
        """The index, or the only manifest."""
        return self.tree.root


def make_index_of(images: Sequence[Built]) -> Index:
    """An index of images, in their order."""
    return make_index(tuple(image.descriptor for image in images))


def index_blobs(result: Result) -> Iterator[Descriptor]:
    """Everything that an index leads to."""
    for image in result.images:
        yield image.manifest.descriptor
        yield from image.manifest.blobs
