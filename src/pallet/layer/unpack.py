"""Unpack layers in worker processes, several at a time, each from a stream that somebody writes.

with Unpacker(workers=3) as pool:
    job = pool.start(directory, media_type, mode="diff")
    for chunk in layer:
        job.write(chunk)
    result = job.finish()
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import threading
from contextlib import suppress
from types import TracebackType

import msgspec

from pallet import errors
from pallet.errors import HostError, PalletError
from pallet.layer.unpacked import Unpacked, UnpackMode
from pallet.layer.worker_process import WorkerProcess

_PIPE_SIZE = 1 << 20


class Unpacker:
    """A pool of unpack workers; see `worker` for how they are confined. Usable from several threads."""

    def __init__(self, workers: int, process: WorkerProcess | None = None) -> None:
        """
        Args:
            workers: how many jobs may run at the same time.
            process: a worker that was started before, which ends with this; else one is started for the first job.
        """
        self._slots = threading.Semaphore(workers)
        self._sending = threading.Lock()
        self._process = process
        self._jobs: socket.socket | None = None

    def __enter__(self) -> Unpacker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the workers; jobs that are not finished are killed."""
        with self._sending:
            if self._jobs is not None:
                self._jobs.close()
            if self._process is not None:
                self._process.close()

    def start(
        self,
        target: str,
        media_type: str | None = None,
        *,
        mode: UnpackMode = "diff",
        userxattr: bool = False,
        image: bool = False,
        plain: bool = False,
        apart: bool = False,
        keep: int = -1,
        known: str = "",
    ) -> UnpackJob:
        """Begin to unpack a layer into `target`; blocks until a worker is free.

        Args:
            target: an existing directory, empty in modes `base` and `diff`; for an image, a file that does not exist.
            media_type: the layer's, if known.
            mode: see `UnpackMode`; `base` or `diff` for an image.
            userxattr: see `apply_layer`.
            image: make an EROFS image, which fails with `Unsupported` if the layer has to be unpacked.
            plain: what will be written is the tar itself, whatever it looks like.
            apart: the tar is a file of its own, beside the image.
            keep: an open file that the worker is to put the tar into; -1 for none. Without it, an image whose tar is
                apart cannot have sparse files.
            known: the digest of the tar, in hex, if somebody else verifies it.

        Raises:
            HostError: the directory cannot be opened, or the worker cannot be started or is gone.
        """
        self._slots.acquire()
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL if image else os.O_RDONLY | os.O_DIRECTORY
            job = msgspec.json.encode((mode, media_type, userxattr, image, plain, apart, known))
            return self._start(target, flags, job, [keep] if keep >= 0 else [])
        except BaseException as error:
            self._slots.release()
            if isinstance(error, OSError):
                raise HostError(f"cannot unpack into {target}: {error.strerror}") from error
            raise

    def _start(self, target_path: str, flags: int, job: bytes, more: list[int]) -> UnpackJob:
        answer, their_answer = socket.socketpair()
        target = layer = pipe = -1
        try:
            target = os.open(target_path, flags | os.O_CLOEXEC, 0o600)
            layer, pipe = os.pipe()
            with suppress(OSError):  # beyond the user's quota of pipe pages: slower, no worse
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
            with self._sending:
                socket.send_fds(self._worker(), [job], [target, layer, their_answer.fileno(), *more])
        except BaseException:
            answer.close()
            if pipe >= 0:
                os.close(pipe)
            raise
        finally:
            their_answer.close()
            for descriptor in (target, layer):
                if descriptor >= 0:
                    os.close(descriptor)
        return UnpackJob(pipe, answer, self._slots)

    def _worker(self) -> socket.socket:
        """The socket that takes a worker's jobs."""
        if self._jobs is None:
            if self._process is None:
                self._process = WorkerProcess()
            self._jobs = socket.socket(fileno=self._process.jobs.detach())
        return self._jobs


class UnpackJob:
    """One layer on its way. One thread at a time writes; `finish` or `abort` ends the job and frees its worker."""

    def __init__(self, pipe: int, answer: socket.socket, slots: threading.Semaphore) -> None:
        self._pipe = pipe
        self._answer = answer
        self._slots = slots
        self._pidfd = -1
        self._ended = False

    def __enter__(self) -> UnpackJob:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.abort()

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        """Pass on the next bytes of the layer, compressed as it is stored; waits while the worker is behind.

        Raises:
            PalletError: what made the worker give up, if it did; the job has then ended.
        """
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._pipe, view) :]
        except BrokenPipeError:
            self.finish()
            raise HostError("the unpack worker stopped reading") from None

    def finish(self) -> Unpacked:
        """Say that the layer is complete, and wait for the result.

        Raises:
            UnsafeArchive, Integrity: the layer is at fault.
            HostError: the machine is.
        """
        self._close_pipe()
        try:
            self._meet()
            text = self._receive()
        except BaseException:  # Ctrl-C, most likely: nothing may go on writing
            self.abort()
            raise
        self._end()
        if not text:
            raise HostError("the unpack worker died", hint="The machine may be out of memory.")
        if text[:1] == b"-":
            raise _error(text[1:])
        return msgspec.json.decode(text[1:], type=Unpacked)

    def abort(self) -> None:
        """End the job, whatever its state, and wait until nothing writes to its directory any more."""
        if self._ended:
            return
        try:
            self._close_pipe()
            self._meet()
            if self._pidfd >= 0:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            self._receive()
        finally:
            self._end()

    def _meet(self) -> None:
        """Have the worker's descriptor of itself, the first thing it sends."""
        if self._pidfd < 0:
            _, descriptors, _, _ = socket.recv_fds(self._answer, 1, 1)
            self._pidfd = descriptors[0] if descriptors else -1

    def _receive(self) -> bytes:
        """The worker's answer, up to its end; empty if it died."""
        parts: list[bytes] = []
        with suppress(ConnectionResetError):
            while part := self._answer.recv(65536):
                parts.append(part)
        return b"".join(parts)

    def _close_pipe(self) -> None:
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._answer.close()
            if self._pidfd >= 0:
                os.close(self._pidfd)
            self._slots.release()


def _error(text: bytes) -> PalletError:
    kind, message = msgspec.json.decode(text, type=tuple[str, str])
    known = {"UnsafeArchive": errors.UnsafeArchive, "Integrity": errors.Integrity, "Unsupported": errors.Unsupported}
    return known.get(kind, HostError)(message)
