"""Flags that are given as `KEY=VALUE`, and as lists with commas."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def pairs(words: Iterable[str]) -> dict[str, str]:
    """`KEY=VALUE` words as a dictionary; a bare `KEY` has the empty value."""
    return {key: value for key, _, value in (word.partition("=") for word in words)}


def strings(words: Iterable[str]) -> list[str]:
    """The parts of words that may have commas between them."""
    return [part for word in words for part in word.split(",")]
