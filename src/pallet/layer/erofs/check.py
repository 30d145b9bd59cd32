"""The digests of an image: that of its tar is the layer's diff ID, that of all the rest is noted when it is made."""

from __future__ import annotations

import os
from hashlib import sha256

from pallet.digest import Digest
from pallet.errors import HostError
from pallet.host.erofs import tar_of
from pallet.layer.erofs.ondisk import HEADER

_PIECE = 1 << 20


def metadata_digest(path: str, tar_size: int) -> Digest:
    """The digest of all of an image that is not the tar: the header, and what follows the tar.

    Args:
        path: the image.
        tar_size: bytes of the tar in it; 0 if that is apart.

    Raises:
        HostError: it cannot be read.
    """
    return _digest(path, (0, HEADER), (HEADER + tar_size, None))


def damage(path: str, tar_size: int, diff_id: Digest, metadata: Digest, *, apart: bool = False) -> list[str]:
    """What is wrong with an image, in sentences; an empty list if nothing is.

    Args:
        path: the image.
        tar_size: bytes of its tar.
        diff_id: the tar's digest.
        metadata: the digest of the rest.
        apart: the tar is the file beside it.
    """
    try:
        wrong = []
        if (_digest(tar_of(path), (0, None)) if apart else _digest(path, (HEADER, tar_size))) != diff_id:
            wrong.append("the tar in its image is damaged")
        if metadata_digest(path, 0 if apart else tar_size) != metadata:
            wrong.append("the metadata of its image is damaged")
        return wrong
    except HostError as error:
        return [error.message]


def _digest(path: str, *parts: tuple[int, int | None]) -> Digest:
    """The digest of these stretches of a file: where each begins, and its length if it does not go to the end."""
    digest = sha256()
    try:
        with open(path, "rb", buffering=0) as file:
            for start, length in parts:
                file.seek(start, os.SEEK_SET)
                while length is None or length > 0:
                    piece = file.read(_PIECE if length is None else min(length, _PIECE))
                    if not piece:
                        break
                    digest.update(piece)
                    if length is not None:
                        length -= len(piece)
    except OSError as error:
        raise HostError(f"cannot read {path}: {error.strerror}") from error
    return Digest.from_hex(digest.hexdigest())
