"""The layers of a stage while it is built: a chain of directories, of which the upper ones may have no digest yet.

A RUN's layer can be built upon as soon as the command has ended; its tar is made meanwhile. So a layer knows at once
where its files are, and later what it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future

import msgspec

from pallet.digest import Digest
from pallet.layer.snapshots import Staging
from pallet.oci.descriptor import Descriptor


class Packed(msgspec.Struct, frozen=True):
    """What a layer is: its blob, the digest of its tar, docker's size of it, and how many entries it has."""

    blob: Descriptor
    diff_id: Digest
    size: int
    files: int


class Layer:
    """One layer on its parents.

    Args:
        parent: the layer below, or None.
        fs: the directory with its files, as overlayfs wants a lower directory.
        packed: what it is, now or in a while.
        staging: what `fs` is in, for a layer that is not among the snapshots yet.
        created: when it was made, in nanoseconds since 1970.
    """

    __slots__ = ("_chain", "_packed", "created", "fs", "parent", "staging")

    def __init__(
        self,
        parent: Layer | None,
        fs: str,
        packed: Packed | Future[Packed],
        staging: Staging | None = None,
        *,
        created: int = 0,
    ) -> None:
        self.parent = parent
        self.fs = fs
        self.staging = staging
        self.created = created
        self._packed = packed
        self._chain: Digest | None = None

    @property
    def known(self) -> bool:
        """Whether it, and all below, have their digests by now, so that nothing need be waited for."""
        layer: Layer | None = self
        while layer is not None and layer._chain is None:
            if isinstance(layer._packed, Future) and not layer._packed.done():
                return False
            layer = layer.parent
        return True

    @property
    def packed(self) -> Packed:
        """What it is; waits for it.

        Raises:
            PalletError: it could not be packed.
        """
        return self._packed.result() if isinstance(self._packed, Future) else self._packed

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
