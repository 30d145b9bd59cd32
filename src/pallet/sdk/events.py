"""`engine.events`, as docker-py knows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from pallet.ops.follow_events import event_json, follow_events
from pallet.sdk.arguments import Filters, Moment, filter_pairs, nanoseconds

if TYPE_CHECKING:
    from pallet.sdk.engine import Engine


def events(
    engine: Engine,
    since: Moment | None,
    until: Moment | None,
    filters: Filters | None,
    closed: Callable[[], bool],
) -> Iterator[dict[str, Any]]:
    """The events as docker's JSON objects; arguments as `Engine.events` and `follow_events`."""
    found = follow_events(
        engine,
        since=nanoseconds(since),
        until=nanoseconds(until),
        filters=filter_pairs(filters),
        closed=closed,
    )
    return (event_json(event) for event in found)


def encoded(objects: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    """Objects as lines of JSON."""
    from pallet.oci.codec import encode

    return (encode(each) + b"\n" for each in objects)
