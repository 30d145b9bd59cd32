"""How a Dockerfile instruction's words are split: exec form, plain words, name=value pairs."""

from __future__ import annotations

import msgspec

from pallet.errors import InvalidInput

SHELL = ("/bin/sh", "-c")
"""What the shell form of CMD, ENTRYPOINT and RUN is run by."""


def exec_form(text: str) -> tuple[str, ...] | None:
    """The words of a JSON array of strings, or None if `text` is no such array (then it is the shell form)."""
    if not text.lstrip().startswith("["):
        return None
    try:
        return tuple(msgspec.json.decode(text, type=list[str]))
    except msgspec.DecodeError:
        return None


def command(text: str) -> tuple[str, ...]:
    """A command in exec form as it is, in shell form behind the shell; no words for an empty text."""
    words = exec_form(text)
    if words is not None:
        return words
    return (*SHELL, text) if text.strip() else ()


def plain_words(text: str) -> tuple[str, ...]:
    """The words of a JSON array, or those between white space."""
    words = exec_form(text)
    return words if words is not None else tuple(text.split())


def split_words(text: str) -> list[str]:
    """Split at white space outside quotes; quotes and backslashes stay in the words."""
    words: list[str] = []
    word = ""
    quote = ""
    position = 0
    while position < len(text):
        char = text[position]
        if char == "\\" and quote != "'" and position + 1 < len(text):
            word += text[position : position + 2]
            position += 2
            continue
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char.isspace():
            if word:
                words.append(word)
            word = ""
            position += 1
            continue
        word += char
        position += 1
    if word:
        words.append(word)
    return words


def pairs(instruction: str, text: str) -> list[tuple[str, str]]:
    """Names and values of ENV and LABEL: `A=b C="d e"`, or the old form `A b c`; quotes stay, for `expand`.

    Raises:
        InvalidInput: a name without a value, with docker's text.
    """
    words = split_words(text)
    if not words:
        raise InvalidInput(f"{instruction} requires at least one argument")
    if "=" not in words[0]:
        rest = text.strip()[len(words[0]) :].strip()
        if not rest:
            raise InvalidInput(f"{instruction} must have two arguments")
        return [(words[0], rest)]
    found: list[tuple[str, str]] = []
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise InvalidInput(f'Syntax error - can\'t find = in "{word}". Must be of the form: name=value')
        if not name:
            raise InvalidInput(f"{instruction} names can not be blank")
        found.append((name, value))
    return found
