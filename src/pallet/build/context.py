"""Build contexts: a directory, a tar, a git repository, a tar or a file at a URL.

Whatever it is, it ends as a directory: the user's own, or one in the store's staging area that goes with the build.
Tars are unpacked by a process that has changed its root into the target.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from types import TracebackType

from pallet.build.git import clone, is_git
from pallet.build.seen import Seen
from pallet.build.source import Tree
from pallet.content import CHUNK_SIZE
from pallet.dockerfile.ignore import IgnoreRules
from pallet.errors import HostError, InvalidInput, PalletError
from pallet.host.inroot import open_in_root
from pallet.layer.snapshots import Snapshots, Staging

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.layer.compress import Readable

_REMOTE = ("http://", "https://")
_LARGEST_DOCKERFILE = 16 << 20
_TAR_MAGICS = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")


class Context:
    """One context; close it when the build is over.

    Args:
        path: its directory.
        staging: what that is in, if it is ours.
        stable: whether its files stay where they are between builds.
        origin: of one that was fetched: the address, and an algorithm and the digest in hex of what was there.
    """

    def __init__(
        self,
        path: str,
        staging: Staging | None = None,
        *,
        stable: bool = False,
        origin: tuple[str, str, str] | None = None,
    ) -> None:
        self.path = path
        self.origin = origin
        self._staging = staging
        self._stable = stable
        self._ignore = IgnoreRules()
        self.seen = Seen()
        try:
            self._root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            if staging is not None:
                staging.discard()
            raise InvalidInput(f'unable to prepare context: path "{path}" not found') from error

    def read(self, path: str) -> bytes | None:
        """A small file of the context, ignored or not; None if it is not there.

        Raises:
            HostError: it cannot be read.
        """
        try:
            fd = open_in_root(self._root, path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise HostError(f"cannot read {path}: {error.strerror}") from error
        with open(fd, "rb", buffering=0) as file:
            try:
                return file.read(_LARGEST_DOCKERFILE) or b""
            except OSError as error:
                raise InvalidInput(f"failed to read dockerfile: read {path}: {error.strerror}") from error

    def ignoring(self, rules: IgnoreRules) -> None:
        """Leave out what the rules say."""
        self._ignore = rules

    def tree(self) -> Tree:
        """Its files."""
        return Tree(self._root, ignore=self._ignore, stable=self._stable, seen=self.seen)

    def close(self) -> None:
        """Let go of it, and remove what was made for it."""
        if self._root >= 0:
            os.close(self._root)
            self._root = -1
        if self._staging is not None:
            self._staging.discard()

    def __enter__(self) -> Context:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_context(snapshots: Snapshots, where: str, proxies: tuple[str, str, str]) -> Context:
    """A context from a word of the command line: a directory, a git repository, or a URL.

    Args:
        snapshots: where what is fetched is unpacked.
        where: the word.
        proxies: as in `Settings`, for URLs.

    Raises:
        InvalidInput: there is no such directory, or the URL is not one of these.
        Unavailable: the server does not answer.
    """
    if is_git(where):
        staging = snapshots.stage()
        try:
            inner, commit = clone(where, staging.fs)
        except BaseException:
            staging.discard()
            raise
        path = posixpath.join(staging.fs, inner) if inner else staging.fs
        return Context(path, staging, origin=(where, "sha1", commit))
    if where.startswith(_REMOTE):
        from pallet.ops.download import Download

        with Download(where, proxies) as download:
            hashed = _Hashed(download)
            context = stream_context(snapshots, hashed)
            context.origin = (where, "sha256", hashed.digest.hexdigest())
            return context
    if not os.path.isdir(where):
        raise InvalidInput(f'unable to prepare context: path "{where}" not found')
    return Context(where, stable=True)


class _Hashed:
    """A stream whose digest is known in the end."""

    def __init__(self, stream: Readable) -> None:
        from hashlib import sha256

        self._stream = stream
        self.digest = sha256()

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size)
        self.digest.update(data)
        return data


def stream_context(snapshots: Snapshots, stream: Readable) -> Context:
    """A context from a stream: a tar, plain or compressed; or a Dockerfile, which then is all there is.

    Raises:
        Integrity: a damaged or hostile tar.
    """
    pieces = iter(lambda: stream.read(CHUNK_SIZE), b"")
    start = b""
    while len(start) < 512 and (piece := next(pieces, b"")):
        start += piece
    staging = snapshots.stage()
    try:
        if looks_like_tar(start):
            unpack(staging, _chain(start, pieces))
        else:
            text = start
            for piece in pieces:
                text += piece
                if len(text) > _LARGEST_DOCKERFILE:
                    raise InvalidInput("the context is neither a tar nor a Dockerfile")
            with open(f"{staging.fs}/Dockerfile", "wb") as file:
                file.write(text)
    except BaseException:
        staging.discard()
        raise
    return Context(staging.fs, staging)


def looks_like_tar(start: bytes) -> bool:
    """Whether a file that begins so is a tar, or compressed (and then hopefully a tar)."""
    return start.startswith(_TAR_MAGICS) or start[257:262] == b"ustar"


def unpack(staging: Staging, pieces: Iterator[bytes]) -> None:
    """Unpack a tar, plain or compressed, into a staging directory.

    Raises:
        Integrity: a damaged or hostile tar.
    """
    from pallet.layer.unpack import Unpacker

    with Unpacker(1) as unpacker, unpacker.start(staging.fs, None, mode="tree") as job:
        for piece in pieces:
            job.write(piece)
        job.finish()


def ignore_rules(context: Context, dockerfile: str, text: str | None = None) -> IgnoreRules:
    """The rules of a context: those of the Dockerfile's own file (`NAME.dockerignore`), else `.dockerignore`.

    Args:
        dockerfile: the Dockerfile's path in the context, "" for none.
        text: the own file's text, if it is not in the context.

    Raises:
        InvalidInput: a pattern that is none.
    """
    if text is None:
        raw = context.read(dockerfile + ".dockerignore") if dockerfile else None
        if raw is None:
            raw = context.read(".dockerignore")
        text = (raw or b"").decode("utf-8", "surrogateescape")
    try:
        return IgnoreRules.parse(text)
    except PalletError as error:
        raise InvalidInput(f"error from .dockerignore: {error.message}", hint=error.hint) from error


def _chain(start: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield start
    yield from pieces
