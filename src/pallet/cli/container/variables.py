"""Environment variables and labels, from flags and files, as docker's client reads them.

Source: docker/cli opts/env.go, opts/file.go; the error texts are its own.
"""

from __future__ import annotations

from pallet.cli.failure import Failure
from pallet.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SPACE = " \t"


def environment_word(text: str) -> str:
    """Check one `-e`. Raises InvalidInput."""
    if not text or text.startswith("="):
        raise InvalidInput(f"invalid environment variable: {text}")
    return text


def label_word(text: str) -> str:
    """Check one `-l`. Raises InvalidInput."""
    name = text.partition("=")[0]
    if not name:
        raise InvalidInput(f"invalid label '{text}': empty name")
    if any(char.isspace() for char in name):
        raise InvalidInput(f"label '{name}' contains whitespaces")
    return text


def environment(files: Iterable[str], words: Iterable[str], environ: Mapping[str, str]) -> tuple[str, ...]:
    """The variables of `--env-file` and `-e`; a bare name takes its value from the user's environment.

    Raises:
        Failure: a file that is missing or badly formed.
    """
    found: list[str] = []
    for path in files:
        for line in _lines(path):
            name, equals, _ = line.partition("=")
            if equals:
                found.append(line)
            elif name in environ:
                found.append(f"{name}={environ[name]}")
    for word in words:
        found.append(f"{word}={environ[word]}" if "=" not in word and word in environ else word)
    return tuple(found)


def labels(files: Iterable[str], words: Iterable[str]) -> dict[str, str]:
    """The labels of `--label-file` and `-l`. Raises Failure."""
    found: dict[str, str] = {}
    for word in (*(line for path in files for line in _lines(path)), *words):
        key, _, value = word.partition("=")
        found[key] = value
    return found


def reading_failure(path: str, error: OSError) -> str:
    """Go's words for a file that cannot be read; a directory can be opened there."""
    verb = "read" if isinstance(error, IsADirectoryError) else "open"
    return f"{verb} {path}: {(error.strerror or '').lower()}"


def _lines(path: str) -> Iterable[str]:
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read()
    except OSError as error:
        raise Failure(reading_failure(path, error)) from None
    except UnicodeDecodeError:
        raise Failure(f"env file {path} contains invalid utf8 bytes") from None
    for raw in text.splitlines():
        line = raw.lstrip(_SPACE)
        if not line or line.startswith("#"):
            continue
        name = line.partition("=")[0]
        if not name:
            raise Failure(f"poorly formatted environment: no variable name on line '{line}'")
        if any(char in name for char in _SPACE):
            raise Failure(f"poorly formatted environment: variable '{name}' contains whitespaces")
        yield line
