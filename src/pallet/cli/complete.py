"""The hidden `pallet __complete -- WORDS...`: what may stand in the place of the last word.

Each line is a candidate, with a tab and a description if there is one. A last line `:file` or `:dir` asks the shell for
its own file names.
"""

from __future__ import annotations

from pallet.cli import tree
from pallet.cli.command import Command, with_help
from pallet.cli.root import root_flags
from pallet.environment import default_config_dir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Flag, Options
    from pallet.cli.context import Context
    from pallet.cli.tree import Node

    Candidate = tuple[str, str]

_FOUND = frozenset(  # what `ops.complete` finds
    (
        *("container", "image", "network", "object", "volume"),
        *("paused", "running", "startable", "stoppable"),
        *("capability", "signal"),
    )
)


class _Place:
    """Where a command line has got to before its last word."""

    def __init__(self, flags: tuple[Flag, ...], words: list[str]) -> None:
        self.node: Node | None = tree.ROOT
        self.command: Command | None = None
        self.flags = with_help(flags)
        self.pending: Flag | None = None  # the flag whose value comes next
        self.flags_ended = False
        self.position = 0
        for word in words:
            self._step(word)

    def _step(self, word: str) -> None:
        if self.pending is not None:
            self.pending = None
        elif not self.flags_ended and word == "--":
            self.flags_ended = True
        elif not self.flags_ended and len(word) > 1 and word[0] == "-":
            self.pending = self._awaiting(word)
        elif self.command is not None:
            self.position += 1
            self.flags_ended = self.flags_ended or not self.command.interspersed
        elif self.node is not None:
            self.node = self.node.child(word)
            self.flags = with_help(())
            if self.node is not None and not self.node.children:
                self.command = tree.load(self.node)
                self.flags = with_help(self.command.flags)

    def _awaiting(self, word: str) -> Flag | None:
        if word.startswith("--"):
            return next((flag for flag in self.flags if word == f"--{flag.name}" and flag.kind != "bool"), None)
        for number, letter in enumerate(word[1:], 2):
            flag = next((flag for flag in self.flags if flag.short == letter), None)
            if flag is None or flag.kind != "bool":
                return flag if number == len(word) else None
        return None

    def expected(self) -> str:
        """What the command's next argument is: see `Flag.complete`."""
        if self.command is None or not self.command.complete:
            return ""
        most = self.command.args[1]
        if most is not None and self.position >= most:
            return ""
        if self.position < len(self.command.complete):
            return self.command.complete[self.position]
        return self.command.complete[-1] if self.command.interspersed else ""


def _candidates(ctx: Context, place: _Place, current: str) -> list[Candidate]:
    if place.pending is not None:
        return _values(ctx, place.pending.complete)
    if current.startswith("-") and not place.flags_ended:
        name, equals, _ = current.partition("=")
        if equals:
            found = next((flag for flag in place.flags if f"--{flag.name}" == name), None)
            values = _values(ctx, found.complete) if found else []
            return [(text if text[0] == ":" else f"{name}={text}", about) for text, about in values]
        return [(f"--{flag.name}", flag.help) for flag in place.flags if not flag.hidden or flag.name == "help"]
    if place.node is not None and place.node.children:
        return [(node.name, node.short) for node in place.node.shown()]
    return _values(ctx, place.expected())


def _values(ctx: Context, kind: str) -> list[Candidate]:
    if kind in ("file", "dir"):
        return [(f":{kind}", "")]
    try:
        if kind.startswith("filters "):
            from importlib import import_module

            return [(f"{key}=", "") for key in import_module("pallet." + kind.split()[1]).FILTERS]
        if kind not in _FOUND:
            return [(word, "") for word in kind.split()]
        from pallet.ops import complete

        return [(name, "") for name in complete.FINDERS[kind](ctx.engine)]
    except Exception:  # the user is still typing: without a readable store there is just nothing to offer
        return []


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    *before, current = args or [""]
    flags = root_flags(default_config_dir(ctx.environ))
    place = _Place(flags, before)
    for text, about in _candidates(_typed_context(ctx, flags, before), place, current):
        if text.startswith((current, ":")):
            ctx.print(f"{text}\t{about}" if about else text)
    return 0


def _typed_context(ctx: Context, flags: tuple[Flag, ...], words: list[str]) -> Context:
    """The context that the typed line will have: its `--root` is where the names are."""
    from pallet.cli.context import Context
    from pallet.cli.flags import parse
    from pallet.errors import InvalidInput

    try:
        opts = parse(with_help(flags), words, interspersed=False).opts
    except InvalidInput:
        return ctx
    if not opts.changed("root"):
        return ctx
    return Context(ctx.stdin, ctx.stdout, ctx.stderr, ctx.environ, root=opts.root)


COMMAND = Command("__complete [WORD...]", "List what may stand at the end of a command line", _run, interspersed=False)
