"""A process's streams as one socket, as docker's API gives them: `exec_run(socket=True)` and `attach_socket`."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

from pallet.errors import PalletError
from pallet.sdk.pipes import through_pipes

Work = Callable[[int | None, int, int], int]
"""Connects a process to open files for its standard input, output and errors until it ends; returns its exit code."""

_STDOUT = 1


def as_socket(work: Work, *, stdin: bool, tty: bool) -> socket.SocketIO:
    """A socket whose other end is a process.

    What is written to it is the standard input; shutting down its writing side ends that. What is read from it is the
    output: with a terminal as it is, else in frames, each with a header of eight bytes: 1 for output or 2 for errors,
    three zeros, and the number of bytes that follow, in network order. The socket itself is `_sock`, as with docker-py.

    Source: docker engine API 1.41, ContainerAttach, "Stream format".

    Args:
        work: runs in a thread.
        stdin: whether the process gets a standard input.
        tty: whether it has a terminal.
    """
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=_serve, args=(work, theirs, stdin, tty), name="pallet-socket", daemon=True)
    thread.start()
    made = ours.makefile("rwb", buffering=0)
    ours.close()  # for good when `made` is closed
    return made


def _serve(work: Work, theirs: socket.socket, stdin: bool, tty: bool) -> None:
    source = theirs.fileno() if stdin else None
    with theirs:
        try:
            for number, data in through_pipes(lambda out, err: work(source, out, err)):
                theirs.sendall(data if tty else _frame(number + 1, data))
        except PalletError as error:  # where docker says it, too
            said = error.message.encode() + b"\r\n"
            theirs.sendall(said if tty else _frame(_STDOUT, said))
        except BrokenPipeError:  # the socket was closed
            return


def _frame(stream: int, data: bytes) -> bytes:
    return bytes((stream, 0, 0, 0)) + len(data).to_bytes(4, "big") + data
