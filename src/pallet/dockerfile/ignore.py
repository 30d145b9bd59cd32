""".dockerignore: which paths of a context stay out of it; the same patterns are those of COPY --exclude.

Source: Docker's documentation, "Build context", ".dockerignore files"; behaviour checked against moby/patternmatcher.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from pallet.dockerfile.source import SPACE
from pallet.dockerfile.wildcards import component_matches, wildcard_matcher
from pallet.errors import InvalidInput


class IgnoreRule:
    """One pattern.

    Attributes:
        pattern: without the `!`.
        exception: it had a `!`: what it matches stays in.
        matches: tells whether the pattern matches a path, or a directory that the path is in.
    """

    __slots__ = ("_components", "exception", "matches", "pattern")

    def __init__(self, pattern: str, *, exception: bool) -> None:
        self.pattern = pattern
        self.exception = exception
        self._components = pattern.split("/")
        self.matches = wildcard_matcher(pattern)

    def may_match_below(self, directory: str) -> bool:
        """Whether the pattern could match something inside a directory that it does not match; true if in doubt."""
        parts = directory.split("/")
        for index, part in enumerate(parts):
            if index >= len(self._components):
                return False
            component = self._components[index]
            if "**" in component:
                return True
            try:
                if not component_matches(component, part):
                    return False
            except InvalidInput:
                # A slash in brackets or behind a backslash: no component of its own.
                return True
        return len(self._components) > len(parts)


class IgnoreRules:
    """The patterns of a .dockerignore, in order; the last one that matches decides."""

    __slots__ = ("_last_first", "rules")

    def __init__(self, rules: Iterable[IgnoreRule] = ()) -> None:
        self.rules = tuple(rules)
        self._last_first = tuple(reversed(self.rules))

    @classmethod
    def parse(cls, text: str) -> IgnoreRules:
        """Read a .dockerignore.

        Raises:
            InvalidInput: a pattern that is none, with docker's text and the line as hint.
        """
        lines = text.removeprefix("\ufeff").split("\n")
        rules: list[IgnoreRule] = []
        for number, line in enumerate(lines, 1):
            if line.startswith("#") or not line.strip(SPACE):
                continue
            try:
                rules.append(_rule(line.strip(SPACE)))
            except InvalidInput as error:
                raise InvalidInput(error.message, hint=f"line {number} of .dockerignore: {line.strip(SPACE)}") from None
        return cls(rules)

    @classmethod
    def of(cls, patterns: Iterable[str]) -> IgnoreRules:
        """The rules of patterns that stand alone, as those of COPY --exclude.

        Raises:
            InvalidInput: a pattern that is none.
        """
        return cls(_rule(pattern.strip(SPACE)) for pattern in patterns if pattern.strip(SPACE))

    @property
    def has_exceptions(self) -> bool:
        """Whether any pattern has a `!`."""
        return any(rule.exception for rule in self.rules)

    def matches(self, path: str) -> bool:
        """Whether a path stays out of the context.

        Args:
            path: relative to the context, with slashes, no `.` or `..` in it. Files and directories are the same to
                the patterns.
        """
        for rule in self._last_first:
            if rule.matches(path):
                return not rule.exception
        return False

    def prunes(self, directory: str) -> bool:
        """Whether a directory and all that could be in it stay out, so that nobody need look inside."""
        for index, rule in enumerate(self._last_first):
            if rule.matches(directory):
                later = self._last_first[:index]
                return not rule.exception and not any(
                    other.exception and other.may_match_below(directory) for other in later
                )
        return False


def _rule(line: str) -> IgnoreRule:
    exception = line.startswith("!")
    pattern = line[1:].strip(SPACE) if exception else line
    if not pattern:
        raise InvalidInput('illegal exclusion pattern: "!"')
    pattern = _clean(pattern)
    if len(pattern) > 1:
        pattern = pattern.removeprefix("/")
    return IgnoreRule(pattern, exception=exception)


def _clean(path: str) -> str:
    """The shortest form of a path, as Go's filepath.Clean; Python keeps two slashes at the beginning."""
    cleaned = posixpath.normpath(path)
    return cleaned[1:] if cleaned.startswith("//") else cleaned
