"""The layers of a stage while it is built: a chain of directories, of which the upper ones may have no digest yet.

A RUN's layer can be built upon as soon as the command has ended; its tar is made meanwhile. So a layer knows at once
where its files are, and later what it is. With a layer that a cache elsewhere has it is the other way round: what it is
is known, and its files come when somebody wants to see them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Protocol

import msgspec

from pallet.digest import Digest
from pallet.errors import PalletError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from concurrent.futures import Future  # it brings logging with it, and a build of found layers needs neither

    from pallet.content import ImageSource
    from pallet.layer.snapshot_info import ImageInfo
    from pallet.layer.snapshots import Staging
    from pallet.oci.descriptor import Descriptor


class Packed(msgspec.Struct, frozen=True):
    """What a layer is: its blob, the digest of its tar, docker's size of it, how many entries it has; its new image."""

    blob: Descriptor
    diff_id: Digest
    size: int
    files: int
    image: ImageInfo | None = None


class CacheLost(PalletError):
    """A cache promised a layer that cannot be had: the build has to do without that cache."""


class Fetches(Protocol):
    """Gets the files of a layer that is away; see `fetch.Fetch`."""

    source: ImageSource | None
    """Has the blob; None if it is here."""

    def begin(self) -> None:
        """Fetch and unpack it, as far as that goes without the layers below."""

    def __call__(self, layer: Layer) -> tuple[Staging, Packed]:
        """Give where its files are, and what it is with all its numbers."""


class Layer:
    """One layer on its parents.

    Args:
        parent: the layer below, or None.
        fs: the directory with its files, as overlayfs wants a lower directory; "" if `fetch` is to get them.
        packed: what it is, now or in a while.
        created: when it was made, in nanoseconds since 1970.
        fetch: gets the files.
    """

    __slots__ = ("_chain", "_fetch", "_fs", "_lock", "_packed", "created", "parent")

    def __init__(
        self,
        parent: Layer | None,
        fs: str,
        packed: Packed | Future[Packed],
        *,
        created: int = 0,
        fetch: Fetches | None = None,
    ) -> None:
        self.parent = parent
        self.created = created
        self._fs = fs
        self._packed = packed
        self._chain: Digest | None = None
        self._fetch = fetch
        self._lock = threading.Lock()

    @property
    def fs(self) -> str:
        """The directory with its files; waits until they are here.

        Raises:
            PalletError: they cannot be had.
        """
        with self._lock:
            if self._fetch is not None:
                staging, self._packed = self._fetch(self)
                self._fs = staging.fs
                self._fetch = None
            return self._fs

    @property
    def away(self) -> bool:
        """Whether its files are still to be fetched."""
        return self._fetch is not None

    def begin(self) -> None:
        """Get its files, if they are away, as far as that goes without the layers below. Errors as `fs`."""
        fetch = self._fetch
        if fetch is not None:
            fetch.begin()

    @property
    def source(self) -> ImageSource | None:
        """What has its blob, if it is away; None if that is here."""
        fetch = self._fetch
        return None if fetch is None else fetch.source

    def repack(self, blob: Descriptor) -> None:
        """Say that it has another blob with the same tar."""
        self._packed = msgspec.structs.replace(self.packed, blob=blob)

    def settle(self, fs: str) -> None:
        """Say where its files are for good."""
        self._fs = fs

    @property
    def known(self) -> bool:
        """Whether it, and all below, have their digests by now, so that nothing need be waited for."""
        layer: Layer | None = self
        while layer is not None and layer._chain is None:
            if not isinstance(layer._packed, Packed) and not layer._packed.done():
                return False
            layer = layer.parent
        return True

    @property
    def packed(self) -> Packed:
        """What it is; waits for it.

        Raises:
            PalletError: it could not be packed.
        """
        return self._packed if isinstance(self._packed, Packed) else self._packed.result()

    @property
    def chain_id(self) -> Digest:
        """The chain ID; waits for it. Errors as `packed`."""
        if self._chain is None:
            diff_id = self.packed.diff_id
            self._chain = Digest.of(f"{self.parent.chain_id} {diff_id}".encode()) if self.parent else diff_id
        return self._chain

    def downwards(self) -> Iterator[Layer]:
        """It and all below, top first."""
        layer: Layer | None = self
        while layer is not None:
            yield layer
            layer = layer.parent


def directories(top: Layer | None) -> list[str]:
    """Where the files of a layer and of all below are, top first."""
    return [layer.fs for layer in top.downwards()] if top else []


def chain_of(top: Layer | None) -> str:
    """The chain ID of a layer, "" for none; waits for it."""
    return top.chain_id if top else ""
