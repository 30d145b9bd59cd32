"""Where a snapshot is in the store. On the quick path: whoever only asks whether it is there needs nothing else."""

from __future__ import annotations

_NAME_LENGTH = 20


def snapshot_path(snapshots: str, chain: str) -> str:
    """The directory of a chain ID's snapshot.

    Args:
        snapshots: the store's directory of snapshots.
        chain: the chain ID, a digest.
    """
    return f"{snapshots}/{chain.removeprefix('sha256:')[:_NAME_LENGTH]}"
