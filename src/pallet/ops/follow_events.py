"""`docker events`: what happened, and what happens while one looks.

Source: docker's documentation of `docker events`; which event a filter takes follows moby, daemon/events/filter.go.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pallet.engine import Engine
from pallet.errors import InvalidInput
from pallet.ops.filters import labels_match
from pallet.ops.times import now_ns
from pallet.store.events import Event

_PAUSE = 0.05  # seconds between two looks
_SECOND = 1_000_000_000
_KINDS = ("config", "container", "daemon", "network", "node", "plugin", "secret", "service", "volume")
_WITH_DETAILS = ("exec_create", "exec_start", "health_status")


def follow_events(
    engine: Engine,
    *,
    since: int | None = None,
    until: int | None = None,
    filters: Iterable[tuple[str, str]] = (),
    closed: Callable[[], bool] | None = None,
) -> Iterator[Event]:
    """The events of this store, of whichever process.

    Args:
        engine: whose store.
        since: begin with those that happened then (nanoseconds since the epoch); None for those from now on, or
            for all there are if `until` is given.
        until: end with those that happened by then; None to go on for ever.
        filters: docker's `container=`, `event=`, `image=`, `label=`, `network=`, `scope=`, `type=`, `volume=`, and
            those of what is not here (`daemon=`, ...); others are passed over, as docker does.
        closed: tells whether nobody wants to know any more; asked between two looks.

    Raises:
        InvalidInput: `since` is later than `until`; at once, as everything else is set at once.
    """
    if since is not None and until is not None and since > until:
        raise InvalidInput(f"`since` time ({since // _SECOND}) cannot be after `until` time ({until // _SECOND})")
    wanted: dict[str, list[str]] = {}
    for key, value in filters:
        wanted.setdefault(key, []).append(value)
    # docker looks back, too, when it is only told where to end.
    live = since is None and until is None
    number = engine.store.events.last() if live else engine.store.events.before(since or 0)
    return _follow(engine, number, since or 0, until, wanted, closed)


def _follow(
    engine: Engine,
    number: int,
    since: int,
    until: int | None,
    wanted: dict[str, list[str]],
    closed: Callable[[], bool] | None,
) -> Iterator[Event]:
    while closed is None or not closed():
        over = until is not None and now_ns() > until
        events = engine.store.events.after(number)
        for event in events:
            number = event.number
            if event.time >= since and (until is None or event.time <= until) and _matches(event, wanted):
                yield event
        if not events:
            if over:
                return
            left = _PAUSE if until is None else min(_PAUSE, max(until - now_ns(), 0) / _SECOND + 0.001)
            time.sleep(left)


def event_json(event: Event) -> dict[str, Any]:
    """An event as docker's API has it (engine API 1.41, SystemEvents)."""
    fields: dict[str, Any] = {}
    if event.type in ("container", "image"):
        fields = {"status": event.action, **({"id": event.actor} if event.actor else {})}
        if event.attributes.get("image") and event.type == "container":
            fields["from"] = event.attributes["image"]
    return {
        **fields,
        "Type": event.type,
        "Action": event.action,
        "Actor": {"ID": event.actor, "Attributes": dict(sorted(event.attributes.items()))},
        "scope": "local",
        "time": event.time // _SECOND,
        "timeNano": event.time,
    }


def _matches(event: Event, wanted: dict[str, list[str]]) -> bool:
    return (
        _any(wanted, "event", _is_action, event)
        and _any(wanted, "type", lambda value, event: value == event.type, event)
        and _any(wanted, "scope", lambda value, event: value == "local", event)
        and all(_any(wanted, kind, _is_named, event) for kind in _KINDS)
        and _any(wanted, "image", _is_image, event)
        and labels_match(event.attributes, wanted.get("label", ()))
    )


def _any(wanted: dict[str, list[str]], key: str, test: Callable[[str, Event], bool], event: Event) -> bool:
    return key not in wanted or any(test(value, event) for value in wanted[key])


def _is_action(value: str, event: Event) -> bool:
    bare = event.action.partition(":")[0]
    return value == (bare if bare in _WITH_DETAILS else event.action)


def _is_named(value: str, event: Event) -> bool:
    """Whether that is how the name or id begins; as with docker, of whatever it is."""
    return any(name.startswith(value) for name in (event.actor, event.attributes.get("name", "")))


def _is_image(value: str, event: Event) -> bool:
    name = event.attributes.get("name" if event.type == "image" else "image", "")
    return bool(value) and value in (event.actor, name, _without_tag(event.actor), _without_tag(name))


def _without_tag(name: str) -> str:
    head, colon, tag = name.rpartition(":")
    return head if colon and "/" not in tag else name
