"""From an error to the text on stderr and the exit code.

docker's client prints three kinds of errors: its own (as they are), the daemon's ("Error response from daemon: ..."),
and a missing object ("Error: No such image: x"). pallet has no daemon, but scripts match on these texts, so they are
kept. A command says which it uses with `Command(fail=...)`.
"""

from __future__ import annotations

from pallet.errors import HostError, NotFound, PalletError, RuntimeFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Fail = Callable[[PalletError], tuple[str, int]]
    """From an error to its text (without a line end) and the exit code."""

DAEMON = "Error response from daemon: "


class Failure(PalletError):
    """An error whose text is already complete, with its exit code.

    Args:
        message: all that stderr gets; nothing is printed if it is empty.
        exit_code: what the process exits with; None for the code that the command's other errors have.
    """

    def __init__(self, message: str, *, exit_code: int | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code


def daemon(
    *, plain: tuple[type[PalletError], ...] = (), missing: tuple[type[PalletError], ...] = (), exit_code: int = 1
) -> Fail:
    """Make a handler that prints errors as the daemon's.

    Args:
        plain: errors that docker's client finds itself and prints without a prefix.
        missing: errors printed with the short prefix `Error: `.
        exit_code: the exit code of all of them.
    """

    def fail(error: PalletError) -> tuple[str, int]:
        if isinstance(error, Failure):
            return error.message, exit_code if error.exit_code is None else error.exit_code
        if isinstance(error, plain):
            return error.message, exit_code
        if isinstance(error, missing):
            return f"Error: {error.message}", exit_code
        return DAEMON + error.message, exit_code

    return fail


from_daemon = daemon()
"""All errors as the daemon's: `Error response from daemon: No such image: x`."""

from_object = daemon(missing=(NotFound,))
"""Missing objects as `Error: No such image: x`, all else as the daemon's (docker rm, rmi, inspect, logs, stop, ...)."""


def _start_code(text: str) -> int:
    """docker's client reads its exit code out of the daemon's words."""
    if "no such file or directory" in text or "executable file not found" in text:
        return 127
    return 126 if "permission denied" in text else 125


def running(name: str) -> Fail:
    """Make the handler of docker's `run`, `create` and `start`-like commands.

    The exit code is 125, or what the runtime's failure says (126, 127). An error before the start points to the help,
    an error of the start does not. Source: docker/cli cli/command/container/run.go, reportError.

    Args:
        name: the verb in `See 'pallet run --help'.`
    """

    def fail(error: PalletError) -> tuple[str, int]:
        if isinstance(error, Failure):
            prefix, code = "", 125 if error.exit_code is None else error.exit_code
            if not error.message:
                return "", code
        else:
            prefix, code = DAEMON, error.exit_code if isinstance(error, RuntimeFailed) else _start_code(error.message)
        text = f"pallet: {prefix}{error.message.removesuffix('.')}."
        if not isinstance(error, HostError):
            text += f"\nSee 'pallet {name} --help'."
        return text, code

    return fail
