"""`(did you mean RUN?)`: the nearest of the words that would have been right."""

from __future__ import annotations

from collections.abc import Iterable

_TOO_FAR = 3


def suggestion(word: str, options: Iterable[str], *, any_case: bool = False) -> str:
    """The option less than three edits away from `word`, or nothing; `word` itself is no mistake.

    Args:
        any_case: compare without case and answer in the case of `word`.
    """
    wanted = word.lower() if any_case else word
    best, nearest = "", _TOO_FAR
    for option in options:
        candidate = option.lower() if any_case else option
        if candidate == wanted:
            return ""
        if abs(len(candidate) - len(wanted)) < nearest:
            distance = _distance(wanted, candidate)
            if distance < nearest:
                best, nearest = option, distance
    if any_case and best:
        return best.lower() if word == word.lower() else best.upper() if word == word.upper() else best
    return best


def did_you_mean(word: str, options: Iterable[str], *, any_case: bool = False) -> str:
    """What to append to a message: ` (did you mean x?)`, or nothing."""
    found = suggestion(word, options, any_case=any_case)
    return f" (did you mean {found}?)" if found else ""


def _distance(one: str, other: str) -> int:
    """Levenshtein's distance."""
    row = list(range(len(other) + 1))
    for index, char in enumerate(one, 1):
        diagonal, row[0] = row[0], index
        for column, against in enumerate(other, 1):
            cost = diagonal + (char != against)
            diagonal = row[column]
            row[column] = min(cost, row[column] + 1, row[column - 1] + 1)
    return row[-1]
