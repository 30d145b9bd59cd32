"""How a Dockerfile instruction's text is split: keyword and flags, exec form, words, name=value pairs."""

from __future__ import annotations

import re

import msgspec

from pallet.dockerfile.source import SPACE, quoted
from pallet.errors import InvalidInput

SHELL = ("/bin/sh", "-c")
"""What the shell form of CMD, ENTRYPOINT and RUN is run by."""

_BLANKS = re.compile(r"[\t\v\f\r ]+")


class Pair(msgspec.Struct, frozen=True):
    """One `name=value` of ENV or LABEL, quotes and variables still in it.

    Attributes:
        legacy: it was written as `name value`.
    """

    name: str
    value: str
    legacy: bool = False


def blank_separated(text: str) -> list[str]:
    """Split at blanks; quotes mean nothing. An empty text has no parts."""
    return _BLANKS.split(text) if text else []


def first_word(text: str) -> tuple[str, str]:
    """What stands before the first blanks, and what behind them."""
    parts = _BLANKS.split(text, 1)
    return parts[0], parts[1] if len(parts) > 1 else ""


def split_instruction(line: str, escape: str = "\\") -> tuple[str, tuple[str, ...], str]:
    """The keyword, the flags (`--name=value`, without quotes and escapes) and the rest of an instruction."""
    keyword, rest = first_word(line.strip(SPACE))
    flags, body = _split_flags(rest, escape)
    return keyword, tuple(flags), body.strip(SPACE)


def _split_flags(text: str, escape: str) -> tuple[list[str], str]:
    flags: list[str] = []
    position = 0
    while True:
        while position < len(text) and text[position] in SPACE:
            position += 1
        if not text.startswith("--", position):
            return flags, text[position:]
        word, position = _unquoted_word(text, position, escape)
        if word == "--":
            return flags, text[position:]
        flags.append(word)


def _unquoted_word(text: str, position: int, escape: str) -> tuple[str, int]:
    """The word that begins at `position`, without quotes and escapes, and where it ends."""
    word = ""
    quote = ""
    while position < len(text):
        char = text[position]
        if not quote and char in SPACE:
            break
        position += 1
        if char == escape:
            word += text[position : position + 1]
            position += 1
        elif char == quote:
            quote = ""
        elif not quote and char in "\"'":
            quote = char
        else:
            word += char
    return word, position


def exec_form(text: str) -> tuple[str, ...] | None:
    """The words of a JSON array of strings, or None if `text` is no JSON array (then it is the shell form).

    Raises:
        InvalidInput: a JSON array with something other than strings in it, with docker's text.
    """
    if not text.lstrip(SPACE).startswith("["):
        return None
    try:
        return tuple(msgspec.json.decode(text, type=list[str]))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    try:
        msgspec.json.decode(text, type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    raise InvalidInput("when using JSON array syntax, arrays must be comprised of strings only")


def command(text: str) -> tuple[str, ...]:
    """A command in exec form as it is, in shell form behind the shell; no words for an empty text.

    Raises:
        InvalidInput: as `exec_form`.
    """
    words = exec_form(text)
    if words is not None:
        return words
    return (*SHELL, text) if text.strip() else ()


def plain_words(text: str) -> tuple[str, ...]:
    """The words of a JSON array, or those between blanks.

    Raises:
        InvalidInput: as `exec_form`.
    """
    words = exec_form(text)
    return words if words is not None else tuple(blank_separated(text))


def split_words(text: str, escape: str = "\\") -> list[str]:
    """Split at white space outside quotes; quotes and escapes stay in the words, but for an escape at the end."""
    words: list[str] = []
    word = ""
    quote = ""
    position = 0
    while position < len(text):
        char = text[position]
        position += 1
        if char == escape and quote != "'":
            if position < len(text):
                word += char + text[position]
            position += 1
            continue
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char in SPACE:
            if word:
                words.append(word)
            word = ""
            continue
        word += char
    if word:
        words.append(word)
    return words


def pairs(instruction: str, text: str, escape: str = "\\") -> tuple[Pair, ...]:
    """Names and values of ENV and LABEL: `A=b C="d e"`, or the old form `A b c`; quotes stay, for `expand`.

    Raises:
        InvalidInput: a name without a value, with docker's text.
    """
    words = split_words(text, escape)
    if not words:
        raise InvalidInput(f"{instruction} requires at least one argument")
    if "=" not in words[0]:
        name, value = first_word(text)
        if not value:
            raise InvalidInput(f"{instruction} must have two arguments")
        return (_named(instruction, Pair(name, value, legacy=True)),)
    found: list[Pair] = []
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise InvalidInput(f"Syntax error - can't find = in {quoted(word)}. Must be of the form: name=value")
        found.append(_named(instruction, Pair(name, value)))
    return tuple(found)


def _named(instruction: str, pair: Pair) -> Pair:
    if not pair.name:
        raise InvalidInput(f"{instruction} names can not be blank")
    return pair
