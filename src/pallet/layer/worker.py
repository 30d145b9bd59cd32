"""The unpack worker: a process that forks a child for each job, and the child goes into a chroot for ever.

A tar from a stranger is extracted where the kernel itself stops at the target directory: the child has no other root,
no descriptor of a directory outside, and cannot import a module any more, since the files it would load could be the
stranger's. One Python start-up serves all jobs; the child's memory, and any harm done to it, ends with it.

A layer that becomes an EROFS image needs no such care: nothing that its tar names is opened, only the image is
written.

Protocol: standard input is a socket on which each job arrives as a `Job` in JSON with three descriptors or four: the
target (a directory, or the file that becomes an image), a pipe with the layer, a socket for the answer, and perhaps a
file that is to keep the tar. The child first sends a descriptor of itself (pidfd) there, then one letter and JSON: `+`
and `Unpacked`, or `-` and `Failure`. When the job socket closes, its other end has ended or died, and the whole process
group goes.
"""

from __future__ import annotations

import array
import bz2  # noqa: F401  (loaded before any chroot, as are the others)
import gc
import hashlib
import lzma  # noqa: F401
import os
import queue
import signal
import socket
import sys
import threading

import msgspec
import zstandard  # noqa: F401
from isal import igzip_lib  # noqa: F401

from pallet.errors import HostError, PalletError, Unsupported
from pallet.host.files import EarlyWriteback, write_all
from pallet.host.idmap import has_one_id
from pallet.layer.apply import apply_layer
from pallet.layer.compress import Readable, decompressor
from pallet.layer.erofs.build import build_image
from pallet.layer.erofs.ondisk import HEADER
from pallet.layer.unpacked import ForeignLink, Unpacked, UnpackMode

_CHUNK = 256 * 1024  # larger ones inflate slower: their memory is new to the process each time
_ZEROS = bytes(_CHUNK)
_AHEAD = 32  # chunks that may be inflated ahead of the extraction


class Job(msgspec.Struct, frozen=True, array_like=True):
    """What to do with a layer, see `Unpacker.start`; its descriptors travel beside it."""

    mode: UnpackMode
    media_type: str | None = None
    userxattr: bool = False
    image: bool = False
    plain: bool = False
    apart: bool = False
    known: str = ""


class Failure(msgspec.Struct, frozen=True, array_like=True):
    """A pallet error on its way to the parent: its class's name and its text."""

    kind: str
    message: str


def main() -> None:
    """Serve jobs from standard input until it closes."""
    jobs = socket.socket(fileno=os.dup(0))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children: their answer says it all
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    msgspec.json.encode(Unpacked("", 0, 0, 0))
    while True:
        message, descriptors, _, _ = socket.recv_fds(jobs, 65536, 4)
        if not message:
            os.killpg(0, signal.SIGKILL)
        job = msgspec.json.decode(message, type=Job)
        if os.fork() == 0:
            jobs.close()
            os.close(0)
            _child(job, *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _child(job: Job, target: int, layer: int, answer: int, keep: int = -1) -> None:
    """Do one job, answer, and end this process."""
    try:
        reply = socket.socket(fileno=answer)
        _send_self(reply)
        try:
            gc.disable()  # this process ends before cycles could matter
            sys.meta_path.clear()
            if job.image:
                result = _build(job, layer, target, keep)
            else:
                squash = has_one_id()  # there is no /proc to ask afterwards
                _confine(target)
                result = _unpack(job, layer, keep, squash=squash)
            text = b"+" + msgspec.json.encode(result)
        except PalletError as error:
            text = b"-" + msgspec.json.encode(Failure(type(error).__name__, _printable(error.message)))
        except Exception as error:  # a bug, or no memory: the parent must hear of it all the same
            text = b"-" + msgspec.json.encode(Failure("HostError", _printable(f"the unpack worker failed: {error!r}")))
        os.close(layer)  # writers notice at once
        reply.sendall(text)
    finally:
        os._exit(0)


def _send_self(reply: socket.socket) -> None:
    pidfd = os.pidfd_open(os.getpid())
    reply.sendmsg([b"p"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [pidfd]))])
    os.close(pidfd)


def _confine(target: int) -> None:
    """Make the directory `target` this process's root and working directory."""
    try:
        os.fchdir(target)
        os.chroot(b".")
    except OSError as error:
        raise HostError(f"cannot confine the extraction to its directory: {error.strerror}") from error
    os.close(target)


def _unpack(job: Job, layer: int, keep: int, *, squash: bool) -> Unpacked:
    stream = _Hashed(_source(job, layer), job.known, keep)
    done = apply_layer(stream, job.mode, userxattr=job.userxattr, squash=squash)
    stream.drain()
    return Unpacked(
        diff_id=f"sha256:{stream.digest().hex()}",
        tar_size=stream.size,
        size=done.size,
        files=done.files,
        implicit_parents=tuple(done.implicit),
        foreign_links=tuple(ForeignLink(name, target) for name, target in done.foreign.items()),
        opaque_root=done.opaque_root,
        whiteouts=tuple(done.whiteouts),
    )


def _build(job: Job, layer: int, image: int, keep: int) -> Unpacked:
    stream = _Hashed(_source(job, layer), job.known, keep, -1 if job.apart else image)
    try:
        return build_image(stream, image, base=job.mode == "base", apart=keep if job.apart else None)
    except Unsupported:
        if keep >= 0:  # it will be unpacked from there
            stream.drain()
        raise


def _source(job: Job, layer: int) -> Readable:
    pipe = _Pipe(layer)
    return pipe if job.plain else decompressor(pipe, job.media_type)


def _printable(text: str) -> str:
    """`text` without the lone surrogates that stand for bytes which are no UTF-8, and that JSON cannot hold."""
    return text.encode("utf-8", "backslashreplace").decode()


class _Pipe:
    def __init__(self, fd: int) -> None:
        self._fd = fd

    def read(self, size: int, /) -> bytes:
        return os.read(self._fd, size)


class _Hashed:
    """`source`, read, copied and counted by a thread that runs ahead, and hashed by one more: work without the GIL.

    What is read also goes into two open files, if they are not -1: the layer's blob, and its image. It is not hashed if
    its digest is `known`.
    """

    def __init__(self, source: Readable, known: str, blob: int, image: int = -1) -> None:
        self._copies = [(fd, start) for fd, start in ((blob, 0), (image, HEADER)) if fd >= 0]
        # Of these only the blob has to be on the disk when the layer is kept.
        self._writeback = EarlyWriteback(blob) if blob >= 0 else None
        self._known = known
        self._hash = hashlib.sha256()
        self._to_hash: queue.Queue[bytes] = queue.Queue(_AHEAD)
        self.size = 0
        self._source = source
        self._chunks: queue.Queue[bytes | Exception] = queue.Queue(_AHEAD)
        self._ended = False
        self._hashing = threading.Thread(target=self._update, daemon=True)
        self._hashing.start()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            while chunk := self._source.read(_CHUNK):
                if not self._known:
                    self._to_hash.put(chunk)
                if self._copies:
                    self._copy(chunk)
                self.size += len(chunk)
                self._chunks.put(chunk)
            for fd, start in self._copies:
                os.ftruncate(fd, start + self.size)
            self._chunks.put(b"")
        except Exception as error:
            self._chunks.put(error)
        self._to_hash.put(b"")

    def _update(self) -> None:
        while chunk := self._to_hash.get():
            self._hash.update(chunk)

    def _copy(self, chunk: bytes) -> None:
        if not chunk[0] and not chunk[-1] and chunk == _ZEROS[: len(chunk)]:
            return  # a hole
        for fd, start in self._copies:
            os.lseek(fd, start + self.size, os.SEEK_SET)
            write_all(fd, chunk)
        if self._writeback is not None:
            self._writeback.reached(self.size + len(chunk))

    def digest(self) -> bytes:
        """The SHA-256 of all of it, once the end was read."""
        self._hashing.join()
        return bytes.fromhex(self._known) if self._known else self._hash.digest()

    def drain(self) -> None:
        """Read the rest: the diff ID covers what follows the end of the archive, too."""
        while self.read(_CHUNK):
            pass

    def read(self, size: int, /) -> bytes:
        if self._ended:
            return b""
        chunk = self._chunks.get()
        if isinstance(chunk, Exception):
            raise chunk
        self._ended = not chunk
        return chunk
