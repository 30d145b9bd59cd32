"""The user's streams for a container that runs in the foreground."""

from __future__ import annotations

from typing import TypedDict

from pallet.cli.context import Context
from pallet.cli.failure import Failure
from pallet.runtime.terminal import CTRL_P_CTRL_Q, parse_keys


class AttachOptions(TypedDict):
    """The arguments of `run_attached` but for what runs."""

    stdin: int | None
    stdout: int | None
    stderr: int | None
    detach_keys: bytes
    forward_signals: bool


def output_closed(ctx: Context) -> int:
    """Say, as docker's client does, that nobody reads the output any more; the container goes on.

    Returns:
        The exit code.

    Raises:
        BrokenPipeError: nobody reads errors either.
    """
    ctx.warn("write /dev/stdout: broken pipe")
    return 1


def attach_options(
    ctx: Context, *, stdin: bool, tty: bool, detach_keys: str = "", forward_signals: bool = True
) -> AttachOptions:
    """What to connect.

    Args:
        ctx: the streams.
        stdin: whether standard input is wanted.
        tty: whether the container has a terminal: then its input must be one too, and signals come as keys.
        detach_keys: docker's words; empty for Ctrl-P Ctrl-Q.
        forward_signals: whether signals go to the container.

    Raises:
        Failure: standard input is no terminal, or bad keys.
    """
    if stdin and tty and not ctx.is_terminal(ctx.stdin):
        raise Failure("the input device is not a TTY", exit_code=1)
    try:
        keys = parse_keys(detach_keys) if detach_keys else CTRL_P_CTRL_Q
    except ValueError as error:
        raise Failure(f"invalid detach keys ({detach_keys}): {error}", exit_code=1) from None
    ctx.stdout.flush()
    ctx.stderr.flush()
    return AttachOptions(
        stdin=ctx.stdin.fileno() if stdin else None,
        stdout=ctx.stdout.fileno(),
        stderr=ctx.stderr.fileno(),
        detach_keys=keys,
        forward_signals=forward_signals and not tty,
    )
