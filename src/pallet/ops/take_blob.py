"""One blob from a source into the store; what an interrupted run left of it is used."""

from __future__ import annotations

from collections.abc import Callable

from pallet.content import Advance, ImageSource
from pallet.oci.descriptor import Descriptor
from pallet.store.blobs import Blobs


def take_blob(
    blobs: Blobs,
    descriptor: Descriptor,
    source: ImageSource,
    advance: Advance,
    write: Callable[[bytes], object] | None = None,
) -> None:
    """Fetch, verify and keep a blob, unless it is here.

    Args:
        blobs: where it goes.
        descriptor: which.
        source: has it.
        advance: called with the bytes that went by, and with 0 while another process or thread takes the same blob in.
        write: gets all of its bytes in order, those that were here too: whoever unpacks it meanwhile.

    Raises:
        NotFound, Unavailable: the source's answer.
        Integrity: the bytes are not what the descriptor promises.
    """
    with blobs.ingest(descriptor, waiting=lambda: advance(0)) as ingest:
        for chunk in ingest.existing():
            advance(len(chunk))
            if write is not None:
                write(chunk)
        if ingest.done:
            return
        for chunk in source.blob_chunks(descriptor, ingest.offset):
            ingest.write(chunk)
            advance(len(chunk))
            if write is not None:
                write(chunk)
        ingest.commit()
