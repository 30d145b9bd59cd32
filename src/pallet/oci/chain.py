"""Chain IDs: a layer together with all below it. Source: OCI image spec 1.1, config.md, "Layer ChainID"."""

from __future__ import annotations

from collections.abc import Iterable

from pallet.digest import Digest


def chain_ids(diff_ids: Iterable[Digest]) -> tuple[Digest, ...]:
    """The chain ID of each layer of a stack, bottom first."""
    chain: list[Digest] = []
    for diff_id in diff_ids:
        chain.append(Digest.of(f"{chain[-1]} {diff_id}".encode()) if chain else diff_id)
    return tuple(chain)
