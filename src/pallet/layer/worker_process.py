"""The process that `pallet.layer.worker` runs in. On the quick path: it starts before what its user needs is loaded.

Its start takes as long as the imports of a pull; on two processors both are done at the same time.
"""

from __future__ import annotations

import os
import sys
from _socket import AF_UNIX, SOCK_SEQPACKET, socketpair

from pallet import errors
from pallet.errors import HostError

_BOOT = "import sys; sys.path[:] = {path!r}; from pallet.layer.worker import main; main()"
# glibc's malloc keeps the memory of chunks, which the kernel would have to clear for each new one. Source: mallopt(3).
_MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": str(4 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
    "MALLOC_TOP_PAD_": str(1 << 20),
}


class WorkerProcess:
    """An unpack worker, started.

    Attributes:
        jobs: the socket that takes its jobs; the process ends when nobody has it open any more.
        pid: the process; 0 once it was closed.
    """

    def __init__(self) -> None:
        """Raises HostError: it cannot be started."""
        self.jobs, theirs = socketpair(AF_UNIX, SOCK_SEQPACKET)
        # It finds pallet where this process does, however that came to be; -S: its start-up is waited for.
        package = os.path.dirname(os.path.dirname(os.path.abspath(errors.__file__)))  # noqa: PTH100
        boot = _BOOT.format(path=[package, *map(os.path.abspath, sys.path)])
        try:
            self.pid = os.posix_spawn(
                sys.executable,
                [sys.executable, "-I", "-S", "-c", boot],
                {**os.environ, **_MALLOC},
                file_actions=[(os.POSIX_SPAWN_DUP2, theirs.fileno(), 0)],
                setpgroup=0,
            )
        except OSError as error:
            self.jobs.close()
            raise HostError(f"cannot start the unpack worker: {error.strerror}") from error
        finally:
            theirs.close()

    def close(self) -> None:
        """End it, with whatever it is doing, and wait for that; nothing happens the second time."""
        self.jobs.close()
        pid, self.pid = self.pid, 0
        if pid:
            from contextlib import suppress

            with suppress(ChildProcessError):
                os.waitpid(pid, 0)
