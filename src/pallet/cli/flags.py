"""docker's flag grammar, which is that of spf13/pflag.

Long flags: `--name value`, `--name=value`, and for bools `--name` and `--name=false`. Short ones: `-n value`,
`-nvalue`, `-n=value`, and bools grouped as in `-it`. `--` ends the flags. The error texts are pflag's.
"""

from __future__ import annotations

from pallet.cli.command import Options
from pallet.cli.values import REPEATED, quoted
from pallet.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pallet.cli.command import Flag


class Parsed:
    """The words of one call, sorted.

    Args:
        opts: the flags.
        args: the arguments.
        notes: what the user should know about the flags used (deprecated letters), one line each.
    """

    __slots__ = ("args", "notes", "opts")

    def __init__(self, opts: Options, args: list[str], notes: tuple[str, ...]) -> None:
        self.opts = opts
        self.args = args
        self.notes = notes


def parse(flags: tuple[Flag, ...], words: list[str], *, interspersed: bool = True) -> Parsed:
    """Sort words into flags and arguments.

    Args:
        flags: the flags there are.
        words: the command line behind the command's name.
        interspersed: whether flags may follow arguments; if not, all words from the first argument on are arguments.

    Raises:
        InvalidInput: an unknown flag, a missing or a bad value; the message is pflag's.
    """
    return _Parser(flags, words).parse(interspersed)


class _Parser:
    def __init__(self, flags: tuple[Flag, ...], words: list[str]) -> None:
        self._long = {flag.name: flag for flag in flags}
        self._short = {flag.short: flag for flag in flags if flag.short}
        self._values: dict[str, object] = {flag.attribute: flag.default for flag in flags}
        self._changed: set[str] = set()
        self._notes: list[str] = []
        self._words: Iterator[str] = iter(words)

    def parse(self, interspersed: bool) -> Parsed:
        args: list[str] = []
        for word in self._words:
            if len(word) < 2 or word[0] != "-":
                args.append(word)
                if not interspersed:
                    args.extend(self._words)
            elif word == "--":
                args.extend(self._words)
            elif word.startswith("--"):
                self._read_long(word)
            else:
                self._read_short(word[1:])
        return Parsed(Options(self._values, frozenset(self._changed)), args, tuple(self._notes))

    def _read_long(self, word: str) -> None:
        name, equals, value = word[2:].partition("=")
        if not name or name[0] == "-":
            raise InvalidInput(f"bad flag syntax: {word}")
        flag = self._long.get(name)
        if flag is None:
            raise InvalidInput(f"unknown flag: --{name}")
        if not equals:
            value = "true" if flag.kind == "bool" else self._next(f"--{name}")
        self._set(flag, value)

    def _read_short(self, letters: str) -> None:
        while letters:
            letter, rest = letters[0], letters[1:]
            flag = self._short.get(letter)
            if flag is None:
                # pflag looks at bytes, and shows the first byte of the letter as a character of its own.
                byte = letter.encode("utf-8", "surrogateescape")[0]
                quote = quoted(chr(byte), "'")
                raise InvalidInput(f"unknown shorthand flag: {quote} in -{letters}")
            if flag.deprecated_short:
                self._notes.append(f"Flag shorthand -{letter} has been deprecated, please {flag.deprecated_short}")
            # "-f=" alone is not an empty value: pflag takes the "=" itself as the value, or as the next letter.
            if len(rest) > 1 and rest[0] == "=":
                self._set(flag, rest[1:])
                return
            if flag.kind == "bool":
                self._set(flag, "true")
                letters = rest
                continue
            self._set(flag, rest or self._next(f"'{letter}' in -{letters}"))
            return

    def _next(self, name: str) -> str:
        for word in self._words:
            return word
        raise InvalidInput(f"flag needs an argument: {name}")

    def _set(self, flag: Flag, text: str) -> None:
        if flag.kind == "filter" and not text:  # docker ignores an empty filter
            return
        try:
            value = flag.read(text)
        except InvalidInput as error:
            raise InvalidInput(f'invalid argument {quoted(text)} for "{flag.label}" flag: {error.message}') from None
        if flag.kind in REPEATED:
            # The first one given replaces the default, the others follow it.
            before = self._values[flag.attribute] if flag.name in self._changed else ()
            value = (*before, value)  # type: ignore[misc]  # of a repeated flag all values are tuples
        self._values[flag.attribute] = value
        self._changed.add(flag.name)
