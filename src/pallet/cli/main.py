"""`pallet`: find the command, read its flags, run it, turn what goes wrong into text and an exit code."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # what `signal` is made of: that one imports enum
import _thread
import os
import sys
import time

from pallet.cli import tree
from pallet.cli.command import HELP, with_help
from pallet.cli.context import Context
from pallet.cli.failure import Failure, from_daemon
from pallet.cli.flags import parse
from pallet.cli.root import root_flags
from pallet.environment import default_config_dir
from pallet.errors import HostError, InvalidInput, PalletError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from io import TextIOWrapper
    from types import FrameType

    from pallet.cli.command import Command, Flag
    from pallet.cli.failure import Fail
    from pallet.cli.flags import Parsed
    from pallet.cli.tree import Node

_USAGE = 125  # docker's exit code for bad flags
_INTERRUPTED = 130  # what a shell reports for SIGINT
_BROKEN_PIPE = 141  # and for SIGPIPE
_LAST_SECONDS = 2.0  # that an interrupted command has to tidy up


def main(argv: list[str] | None = None) -> int:
    """Run one command line.

    Args:
        argv: the words behind the program's name; those of the process if None.

    Returns:
        The exit code. Nothing is raised.
    """
    words = sys.argv[1:] if argv is None else argv
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        _keep_odd_names(stream)  # type: ignore[arg-type]
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _interrupt)
    call = _Call(words)
    try:
        code = call.run()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        return _drop_output()
    except Exception as error:
        return _report(error, call)
    return code


def command() -> None:
    """Run the process's command line and end the process.

    A process that lives for milliseconds leaves next to no cyclic garbage: looking for it, while thousands of rows are
    made and once more at the end, took a tenth of the time of `image ls`.
    """
    import gc

    gc.set_threshold(50_000)
    code = main()
    threading = sys.modules.get("threading")
    if threading is None or threading.active_count() == 1:
        # Nobody else is to be waited for, and taking the interpreter apart takes longer than reading the store. The
        # database needs no closing: SQLite's files are in order at any moment.
        _flush()
        os._exit(code)
    gc.freeze()
    sys.exit(code)


def _flush() -> None:
    """Write what is still buffered, where anybody reads it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):  # closed, or none at all
            continue


class _Call:
    """One command line on its way from words to an exit code."""

    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.debug = False
        self.fail: Fail = from_daemon

    def run(self) -> int:
        flags = root_flags(default_config_dir(os.environ))
        node, path = tree.ROOT, tree.ROOT.name
        parsed = self._parse(node, path, flags, self.words, interspersed=False)
        self.debug = parsed.opts.debug
        context = Context(
            sys.stdin,
            sys.stdout,
            sys.stderr,
            os.environ,
            root=parsed.opts.root,
            runtime=parsed.opts.runtime,
            snapshotter=parsed.opts.snapshotter,
            config_dir=parsed.opts.config if parsed.opts.changed("config") else "",
            debug=self.debug,
        )
        version_only = parsed.opts.version
        wants_help = parsed.opts.help
        while True:
            for note in parsed.notes:
                # docker has the note of its own flags on stderr, those of commands on stdout.
                (context.warn if node is tree.ROOT else context.print)(note)
            wants_help = wants_help or parsed.opts.help
            if not node.children:
                break
            child = node.child(parsed.args[0]) if parsed.args else None
            if child is None:
                if version_only and node is tree.ROOT and not wants_help:
                    return _print_version(context)
                return self._no_command(context, node, path, flags, parsed.args, wants_help)
            node, path, flags = child, f"{path} {child.name}", ()
            words = parsed.args[1:]
            if node.children:
                parsed = self._parse(node, path, flags, words, interspersed=False)
            else:
                command = tree.load(node)
                parsed = self._parse(node, path, command.flags, words, interspersed=command.interspersed)
        if wants_help:
            from pallet.cli.help import command_page

            context.stdout.write("\n" + command_page(path, node, command, context.columns()))
            return 0
        _check_arity(path, command, parsed.args)
        self.fail = command.fail
        opts = parsed.opts
        if any(flag.config or flag.variable for flag in command.flags):
            from pallet.cli.user_config import with_defaults

            opts = with_defaults(command.flags, opts, context)
        if os.geteuid() != 0:
            from pallet.cli.rootless import enter

            enter(context, node.module, opts)
        return command.run(context, opts, parsed.args)

    def _parse(self, node: Node, path: str, flags: tuple[Flag, ...], words: list[str], *, interspersed: bool) -> Parsed:
        try:
            return parse(with_help(flags) if flags else (HELP,), words, interspersed=interspersed)
        except InvalidInput as error:
            text = f"{error.message}\nSee '{path} --help'."
            if node.children:
                from pallet.cli.help import group_page

                text += "\n\n" + group_page(path, node, flags, 80)
            raise Failure(text, exit_code=_USAGE) from None

    def _no_command(
        self, context: Context, node: Node, path: str, flags: tuple[Flag, ...], args: list[str], wants_help: bool
    ) -> int:
        """Answer a group that was called without one of its commands."""
        from pallet.cli.help import group_page

        # Flags behind the unknown word are the group's: a `--help` there counts, an unknown one is the error.
        parsed = self._parse(node, path, flags, args, interspersed=True)
        page = "\n" + group_page(path, node, flags, context.columns()).rstrip("\n")
        if wants_help or parsed.opts.help:
            context.print(page)
            return 0
        if args and node is tree.ROOT:
            raise Failure(f"pallet: '{args[0]}' is not a pallet command.\nSee 'pallet --help'")
        if args:
            raise Failure(page)
        context.warn(page)
        return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Stop at Ctrl-C, for certain: a thread that waits for a silent server cannot be stopped, and is not waited for.

    Leaving at once is as safe as a SIGKILL, which the store survives at any moment.
    """
    _thread.start_new_thread(_leave_soon, ())
    raise KeyboardInterrupt


def _leave_soon() -> None:
    time.sleep(_LAST_SECONDS)
    os._exit(_INTERRUPTED)


def _check_arity(path: str, command: Command, args: list[str]) -> None:
    problem = command.arity_error(len(args))
    if problem is not None:
        raise Failure(
            f"\"{path}\" {problem}.\nSee '{path} --help'.\n\nUsage:  {command.usage(path)}\n\n{command.short}"
        )


def _print_version(context: Context) -> int:
    from pallet.version import __version__

    context.print(f"pallet version {__version__}")
    return 0


def _open_closed_streams() -> None:
    """Put /dev/null where the caller closed a standard stream, or the store's files would get its number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number: those before it are open
            setattr(sys, name, open(number, "r" if number == 0 else "w", closefd=False))


def _keep_odd_names(stream: TextIOWrapper) -> None:
    """Let file names that are not UTF-8 pass through a stream as the bytes they are."""
    if stream is not None and hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="surrogateescape")


def _report(error: Exception, call: _Call) -> int:
    """Print an error; the one place where errors become text and exit codes."""
    hint = None
    if isinstance(error, PalletError):
        text, code = call.fail(error)
        hint = error.hint
    elif isinstance(error, OSError):
        text, code = call.fail(HostError(_os_error_text(error)))
    else:
        _, code = call.fail(HostError(""))
        text = f"pallet: internal error: {type(error).__name__}: {error}"
        hint = None if call.debug else "run pallet --debug to see where it happened"
    try:
        sys.stdout.flush()
        if call.debug:
            import traceback

            traceback.print_exception(error)
        if text:
            sys.stderr.write(text + "\n")
        if hint:
            sys.stderr.write(f"hint: {hint}\n")
        sys.stderr.flush()
    except BrokenPipeError:
        return _drop_output()
    return code


def _os_error_text(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    return f"{os.fsdecode(error.filename)}: {reason}" if isinstance(error.filename, str | bytes) else reason


def _drop_output() -> int:
    """Nobody reads any more: send what is still buffered nowhere, so that the interpreter's last flush is quiet."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    return _BROKEN_PIPE
