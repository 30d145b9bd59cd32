"""From an operation that writes to open files to pieces of output and errors."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Generator

_CHUNK = 1 << 16
_LOOK = 100  # milliseconds between two looks at whether the reader has gone


def through_pipes(
    work: Callable[[int, int], int], closed: Callable[[], bool] | None = None
) -> Generator[tuple[int, bytes], None, int]:
    """What `work`, in a thread, writes to two files.

    Args:
        work: is given files for output and errors; returns an exit code.
        closed: tells whether nobody reads any more.

    Returns:
        An iterator over pieces, each with 0 for output or 1 for errors; it returns what `work` returned.

    Raises:
        BaseException: while reading: what `work` raised.
    """
    result: list[int] = []
    errors: list[BaseException] = []
    out, out_end = os.pipe2(os.O_CLOEXEC)
    err, err_end = os.pipe2(os.O_CLOEXEC)

    def run() -> None:
        try:
            result.append(work(out_end, err_end))
        except BaseException as error:
            errors.append(error)
        finally:
            os.close(out_end)
            os.close(err_end)

    thread = threading.Thread(target=run, name="pallet-streams", daemon=True)
    thread.start()
    opened = {out: 0, err: 1}
    try:
        poll = select.poll()
        for fd in opened:
            poll.register(fd, select.POLLIN)
        while opened:
            for fd, _ in poll.poll(None if closed is None else _LOOK):
                data = os.read(fd, _CHUNK)
                if data:
                    yield opened[fd], data
                else:
                    poll.unregister(fd)
                    del opened[fd]
            if closed is not None and closed():
                return 0
        thread.join()
    finally:
        os.close(out)
        os.close(err)
    if errors and not isinstance(errors[0], BrokenPipeError):
        raise errors[0]
    return result[0] if result else 0
