"""`--filter key=value`, as docker's commands take it. On the quick path."""

from __future__ import annotations

from pallet.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))


class Filters:
    """Filters: each key with the values that were given for it.

    Args:
        pairs: keys and values.
        known: the keys that the command understands.

    Raises:
        InvalidInput: an unknown key, with docker's text.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]], known: Collection[str]) -> None:
        self._values: dict[str, list[str]] = {}
        for key, value in pairs:
            if key not in known:
                raise InvalidInput(f"Invalid filter '{key}'")
            self._values.setdefault(key, []).append(value)

    def __bool__(self) -> bool:
        return bool(self._values)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def get(self, key: str) -> list[str]:
        """The values given for a key, in order."""
        return self._values.get(key, [])

    def flag(self, key: str) -> bool | None:
        """A yes/no filter; None if it was not given.

        Raises:
            InvalidInput: neither yes nor no, or both.
        """
        values = self._values.get(key)
        if values is None:
            return None
        if all(value in _TRUE for value in values):
            return True
        if all(value in _FALSE for value in values):
            return False
        raise InvalidInput(f"Invalid filter '{key}=[{' '.join(values)}]'")


def found_in(pattern: str, text: str) -> bool:
    """Whether a filter's regular expression is found in a text; one that is none is found nowhere, as with docker."""
    import re

    try:
        return re.search(pattern, text) is not None
    except re.error:
        return False


def labels_match(labels: dict[str, str] | None, wanted: Iterable[str]) -> bool:
    """Whether the labels have every `key` or `key=value` that is wanted."""
    have = labels or {}
    for text in wanted:
        key, equals, value = text.partition("=")
        if key not in have or (equals and have[key] != value):
            return False
    return True
