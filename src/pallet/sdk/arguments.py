"""docker-py's ways to say things, in the words of the operations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pallet.digest import Digest
from pallet.errors import InvalidInput
from pallet.oci.codec import decode_object, encode
from pallet.reference import Reference, parse

FilterValue = str | int | bool | Sequence[str | int]
"""A filter's value, or several."""

Filters = Mapping[str, FilterValue]
"""`{"dangling": True, "label": ["a=b", "c"]}`"""

Moment = datetime | int | float
"""A moment: a datetime (local if it has no zone), or seconds since the epoch."""

Links = Mapping[str, str | None] | Sequence[str | tuple[str, str | None]]
"""Other containers, and what they are called: `{"container": "alias"}`, or `[("container", "alias")]`."""

_SECOND = 1_000_000_000


def reference(repository: str, tag: str | None = None) -> Reference:
    """The image that docker-py's `repository` and `tag` mean; a tag wins over one in the repository's text.

    Args:
        repository: a name, with or without tag or digest.
        tag: a tag, or a digest.

    Raises:
        InvalidReference: not a name, or not a tag.
        InvalidInput: a digest and another tag or digest.
    """
    parsed = parse(repository)
    if not tag:
        return parsed
    if parsed.digest is not None:
        raise InvalidInput(f"{repository} has a digest already, so it takes no tag")
    return parsed.with_digest(Digest.parse(tag)) if ":" in tag else parsed.with_tag(tag)


def optional_reference(repository: str | None, tag: str | None, verb: str) -> Reference | None:
    """The new name that a maker of images is told; None for none.

    Raises:
        InvalidReference: not a name, or not a tag.
        InvalidInput: a tag alone, or a digest.
    """
    if repository is None:
        if tag is not None:
            raise InvalidInput("a tag needs a repository")
        return None
    named = reference(repository, tag)
    if named.digest is not None:
        raise InvalidInput(f"cannot {verb} digest reference")
    return named


def filter_pairs(filters: Filters | None) -> list[tuple[str, str]]:
    """Filters as keys and values.

    Raises:
        TypeError: a value that is none.
    """
    pairs: list[tuple[str, str]] = []
    for key, value in (filters or {}).items():
        values = [value] if isinstance(value, str | int) else value
        pairs += [(key, _text(key, each)) for each in values]
    return pairs


def lines(changes: str | Iterable[str] | None) -> list[str]:
    """Dockerfile instructions: one text with a line for each, or one by one."""
    if changes is None:
        return []
    if isinstance(changes, str):
        return [line for line in changes.splitlines() if line.strip()]
    return list(changes)


def joined(pairs: Mapping[str, str | None] | Iterable[str | tuple[str, str | None]]) -> Iterable[str]:
    """`key:value` of a mapping or of pairs, `key` where there is no value; texts as they are."""
    for pair in pairs.items() if isinstance(pairs, Mapping) else pairs:
        yield pair if isinstance(pair, str) else ":".join(part for part in pair if part)


def json_object(value: Mapping[str, object]) -> dict[str, Any]:
    """A JSON object as one that came over docker's API would be: dicts, lists, texts and numbers, all its own."""
    return decode_object(encode(value), "what inspect found")


def log_tail(tail: int | str) -> int | None:
    """How many lines from a log's end; None for all.

    Raises:
        InvalidInput: neither a number nor `all`.
    """
    if tail == "all":
        return None
    if isinstance(tail, bool) or not isinstance(tail, int) or tail < 0:
        raise InvalidInput(f"tail must be a number of lines or 'all', not {tail!r}")
    return tail


def nanoseconds(moment: Moment | None) -> int | None:
    """A moment in nanoseconds since the epoch."""
    if moment is None:
        return None
    if isinstance(moment, datetime):
        moment = moment.timestamp()
    return moment * _SECOND if isinstance(moment, int) else int(moment * _SECOND)


def _text(key: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    raise TypeError(f"filter {key}: {type(value).__name__} is no value")
