"""What operations report, as docker's messages: lines of JSON. Source: moby, pkg/jsonmessage."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pallet.oci.codec import encode
from pallet.progress import Event, Progress

if TYPE_CHECKING:
    from pallet.engine import Engine
    from pallet.reference import Reference


def push_image(engine: Engine, reference: Reference, progress: Progress, write: Callable[[bytes], object]) -> None:
    """Push an image and write messages of it.

    Args:
        engine: whose store and registries.
        reference: the local name.
        progress: is told of each event, too.
        write: is given line by line, from several threads.

    Raises:
        PalletError: as `ops.push.push`.
    """
    from pallet.ops.push import push

    def report(event: Event) -> None:
        progress(event)
        write(encode(_message(event)) + b"\n")

    done = push(engine, reference, progress=report)
    found = {"Tag": done.reference.tag, "Digest": done.digest, "Size": done.size}
    write(encode({"progressDetail": {}, "aux": found}) + b"\n")


def _message(event: Event) -> dict[str, Any]:
    detail = {} if event.current is None else {"current": event.current, "total": event.total or 0}
    return {"status": event.status, **({"progressDetail": detail, "id": event.id} if event.id else {})}
