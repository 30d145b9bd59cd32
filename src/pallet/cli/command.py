"""How a command is declared: its words, its flags, and the function that does it."""

from __future__ import annotations

from pallet.cli.failure import from_daemon
from pallet.cli.values import READERS, ZEROS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pallet.cli.context import Context
    from pallet.cli.failure import Fail


class _Frozen:
    """A value: made once, never changed."""

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable: {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable: {name}")


class Flag(_Frozen):
    """One flag.

    Args:
        name: the long name, without dashes.
        short: the letter behind a single dash.
        kind: `bool`, `string`, `int`, `uint16`, `list`, `filter` (pairs of name and value), `duration` (nanoseconds),
            `bytes`, or `decimal` (billionths).
        default: the value if the flag is not given; None for the kind's zero value.
        help: the text of the help page.
        metavar: the word behind the name on the help page, if it is not the kind.
        hidden: not on the help page.
        read: reads the word instead of the kind's reader; it raises InvalidInput for a bad one.
        shown: the default as the help page shows it, where it is not the value's own text.
        complete: what the shell may offer as the value: `file`, `dir`, a kind that `ops.complete` finds (`image`,
            `running`, `signal`, ...), `filters MODULE` for the keys in a module's `FILTERS`, or words with spaces.
        deprecated_short: what to use instead of the letter; the letter still works, with a note.
        config: the key of docker's `config.json` that has the value if the flag is not given.
        variable: the environment variable that has it.
    """

    __slots__ = (
        "complete",
        "config",
        "default",
        "deprecated_short",
        "help",
        "hidden",
        "kind",
        "metavar",
        "name",
        "read",
        "short",
        "shown",
        "variable",
    )

    name: str
    short: str | None
    kind: str
    default: Any
    help: str
    metavar: str
    hidden: bool
    read: Callable[[str], object]
    shown: str | None
    complete: str
    deprecated_short: str
    config: str
    variable: str

    def __init__(
        self,
        name: str,
        short: str | None = None,
        kind: str = "bool",
        *,
        default: object = None,
        help: str = "",
        metavar: str | None = None,
        hidden: bool = False,
        read: Callable[[str], object] | None = None,
        shown: str | None = None,
        complete: str = "",
        deprecated_short: str = "",
        config: str = "",
        variable: str = "",
    ) -> None:
        put = object.__setattr__
        put(self, "name", name)
        put(self, "short", short)
        put(self, "kind", kind)
        put(self, "default", ZEROS.get(kind, 0) if default is None else default)
        put(self, "help", help)
        put(self, "metavar", metavar if metavar is not None else "" if kind == "bool" else kind)
        put(self, "hidden", hidden)
        put(self, "read", read or READERS[kind])
        put(self, "shown", shown)
        put(self, "complete", complete)
        put(self, "deprecated_short", deprecated_short)
        put(self, "config", config)
        put(self, "variable", variable)

    @property
    def attribute(self) -> str:
        """The name in `opts`: `no-trunc` is `no_trunc`."""
        return self.name.replace("-", "_")

    @property
    def label(self) -> str:
        """The flag in error texts: `-a, --all`."""
        return f"-{self.short}, --{self.name}" if self.short and not self.deprecated_short else f"--{self.name}"


HELP = Flag("help", "h", help="Print usage", hidden=True, deprecated_short="use --help")
_HELP_ONLY_LONG = Flag("help", help="Print usage")


def with_help(flags: tuple[Flag, ...]) -> tuple[Flag, ...]:
    """Add `--help`; as docker does, it shows up on the page only where another flag takes its letter."""
    taken = any(flag.short == HELP.short for flag in flags)
    return (*flags, _HELP_ONLY_LONG if taken else HELP)


class Options:
    """The flags of one call: `opts.no_trunc` for `--no-trunc`.

    Args:
        values: attribute name to value, for all flags of the command.
        changed: the long names of the flags that the user gave.
    """

    def __init__(self, values: dict[str, object], changed: frozenset[str]) -> None:
        self.__dict__.update(values)
        self.__dict__["_changed"] = changed

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Options is immutable: {name}")

    def replaced(self, values: dict[str, object]) -> Options:
        """The same with other values; these do not count as the user's."""
        kept = {name: value for name, value in self.__dict__.items() if name != "_changed"}
        return Options({**kept, **values}, self.__dict__["_changed"])

    def changed(self, name: str) -> bool:
        """Whether the user gave the flag (its long name), even with its default value."""
        return name in self.__dict__["_changed"]


class Command(_Frozen):
    """One command.

    Args:
        use: the usage line without the program and the group: `ls [OPTIONS] [REPOSITORY[:TAG]]`.
        short: one line, the same as in `tree`.
        run: does it; gets the context, the flags and the arguments; returns the exit code.
        long: a longer text for the help page.
        example: lines for the help page's `Examples:`.
        flags: all flags but `--help`.
        args: the least and the greatest number of arguments; None for no limit.
        interspersed: whether flags may follow arguments (docker's run, create and exec say no).
        fail: from an error to text and exit code; see `failure`.
        complete: what the shell may offer for each argument, as in `Flag.complete`; the last one holds for the rest
            (unless flags are not interspersed: what follows are then the words of the container's command).
    """

    __slots__ = ("args", "complete", "example", "fail", "flags", "interspersed", "long", "run", "short", "use")

    use: str
    short: str
    run: Callable[[Context, Options, list[str]], int]
    long: str
    example: str
    flags: tuple[Flag, ...]
    args: tuple[int, int | None]
    interspersed: bool
    fail: Fail
    complete: tuple[str, ...]

    def __init__(
        self,
        use: str,
        short: str,
        run: Callable[[Context, Options, list[str]], int],
        *,
        long: str = "",
        example: str = "",
        flags: tuple[Flag, ...] = (),
        args: tuple[int, int | None] = (0, None),
        interspersed: bool = True,
        fail: Fail = from_daemon,
        complete: tuple[str, ...] = (),
    ) -> None:
        put = object.__setattr__
        put(self, "use", use)
        put(self, "short", short)
        put(self, "run", run)
        put(self, "long", long)
        put(self, "example", example)
        put(self, "flags", flags)
        put(self, "args", args)
        put(self, "interspersed", interspersed)
        put(self, "fail", fail)
        put(self, "complete", complete)

    def usage(self, path: str) -> str:
        """The usage line under the name it was called by: `pallet images [OPTIONS] ...` for `pallet images`."""
        _, space, rest = self.use.partition(" ")
        return path + space + rest

    def arity_error(self, count: int) -> str | None:
        """docker's words for a wrong number of arguments, or None if it is right (docker/cli cli/required.go)."""
        least, most = self.args
        if count >= least and (most is None or count <= most):
            return None
        if most == 0:
            return "accepts no arguments"
        if most is None:
            return f"requires at least {_arguments(least)}"
        if least == most:
            return f"requires exactly {_arguments(least)}"
        if least == 0:
            return f"requires at most {_arguments(most)}"
        return f"requires at least {least} and at most {_arguments(most)}"


def _arguments(count: int) -> str:
    return f"{count} argument" if count == 1 else f"{count} arguments"
