"""COPY and ADD, carried out: sources from contexts, stages, images, URLs, repositories and heredocs."""

from __future__ import annotations

import os
import posixpath
import threading
from collections.abc import Callable, Sequence

import msgspec

from pallet.build.cache import Key
from pallet.build.context import unpack
from pallet.build.copyplan import Piece
from pallet.build.files import Copied, Gathered, Scratch, contents_key, gather, lay_out
from pallet.build.git import clone, is_commit, is_git
from pallet.build.layers import Layer, Packed, chain_of, directories
from pallet.build.metadata import working_directory
from pallet.build.modes import has_numbers
from pallet.build.shared import Shared
from pallet.build.source import Tree
from pallet.build.state import State
from pallet.build.view import with_views
from pallet.content import CHUNK_SIZE
from pallet.dockerfile.instructions import Add, Copy
from pallet.errors import InvalidInput, PalletError
from pallet.host.files import remove_tree
from pallet.layer.snapshots import Staging

_REMOTE = ("http://", "https://")
_DOWNLOADED = 0o600


class CopyStep:
    """One COPY or ADD.

    Args:
        shared: the build's parts.
        state: the stage; its uppermost layer is what the new one lies on.
        instruction: expanded.
        source: what --from names: a layer; None for a context.
        context: the context's name, "" for the main one.
        staged: whether it comes from a stage or image.
    """

    def __init__(
        self,
        shared: Shared,
        state: State,
        instruction: Copy | Add,
        *,
        source: Layer | None = None,
        staged: bool = False,
        context: str = "",
    ) -> None:
        self._shared = shared
        self._state = state
        self._instruction = instruction
        self._source = source
        self._staged = staged
        self._context = context
        self._directory = shared.staging().path
        self._destination = working_directory(state, instruction.destination)
        self._parts: list[bytes] | None = None
        self._lock = threading.Lock()
        self.fetched: list[tuple[str, str, str]] = []  # address, algorithm, digest in hex
        # Names of users are looked up in the layers below, which then count.
        self._floating = instruction.link and (not instruction.chown or has_numbers(instruction.chown))

    def run(self, description: str, *, use_cache: bool) -> tuple[Layer, bool]:
        """Carry it out: gives the layer, and whether it was in the cache.

        Raises:
            InvalidInput: a source that is not there, something in the way.
            HostError: the machine is at fault.
        """
        try:
            return self._run(description, use_cache=use_cache)
        finally:
            for name in os.listdir(self._directory):
                if name.startswith(("source-", "view-")):
                    remove_tree(f"{self._directory}/{name}")

    def _run(self, description: str, *, use_cache: bool) -> tuple[Layer, bool]:
        with Scratch(self._directory, self._shared.file_time) as scratch:
            extra = self._extra(scratch)
            if self._staged:
                # What a stage holds is known by its chain; a look into it tells whether another chain holds the same.
                keys = [
                    Key(self._chain_parts, self._chain_ready, floating=self._floating),
                    Key(lambda: self._content_parts(self._look, extra), floating=self._floating),
                ]
            else:
                keys = [
                    Key(
                        lambda: self._content_parts(lambda use: use(self._context_tree()), extra),
                        floating=self._floating,
                    )
                ]
            return self._shared.book.layer(
                self._state.top,
                keys,
                description,
                lambda staging: self._make(staging, scratch, extra),
                use_cache=use_cache,
            )

    def _extra(self, scratch: Scratch) -> list[Copied]:
        """Sources that are in no tree: heredocs, and of ADD what is fetched."""
        found = [
            scratch.file(file.name, file.content.encode("utf-8", "surrogateescape")) for file in self._instruction.files
        ]
        if isinstance(self._instruction, Add):
            for source in self._instruction.sources:
                if is_git(source):
                    found.append(self._repository(scratch, source))
                elif source.startswith(_REMOTE):
                    found.append(self._download(scratch, source))
        return found

    def _inner(self) -> list[str]:
        """The sources in the tree."""
        if isinstance(self._instruction, Copy):
            return list(self._instruction.sources)
        return [word for word in self._instruction.sources if not is_git(word) and not word.startswith(_REMOTE)]

    def _gather(self, tree: Tree, extra: Sequence[Copied]) -> Gathered:
        found = [*(Copied(tree, pattern) for pattern in self._inner()), *extra]
        parents = isinstance(self._instruction, Copy) and self._instruction.parents
        return gather(found, self._instruction.destination, parents=parents, exclude=self._instruction.exclude)

    def _context_tree(self) -> Tree:
        return self._shared.tree_of(self._context)

    def _look(self, use: Callable[[Tree], list[bytes]]) -> list[bytes]:
        def inside(roots: list[int]) -> list[bytes]:
            return use(Tree(roots[0], keeps_owners=True))

        return with_views(self._directory, [directories(self._source)], inside)

    def _content_parts(
        self, look: Callable[[Callable[[Tree], list[bytes]]], list[bytes]], extra: Sequence[Copied]
    ) -> list[bytes]:
        with self._lock:
            if self._parts is None:
                cache = self._shared.engine.store.build_cache
                self._parts = look(lambda tree: contents_key(self._gather(tree, extra), cache))
            return [*self._head(), b"content", *self._parts]

    def _chain_ready(self) -> bool:
        return self._source is None or self._source.known

    def _chain_parts(self) -> list[bytes]:
        words = [*self._inner(), "\0", *self._instruction.exclude]
        files = [f"{file.name}\0{file.content}" for file in self._instruction.files]
        named = [word.encode("utf-8", "surrogateescape") for word in (*words, *files)]
        return [*self._head(), b"chain", chain_of(self._source).encode(), *named]

    def _head(self) -> list[bytes]:
        """What matters besides contents."""
        found = self._instruction
        clamp = self._shared.options.clamp
        words = [
            found.name,
            self._destination,
            "/" if found.destination.endswith(("/", "/.")) or found.destination in (".", "") else "",
            found.chown,
            found.chmod,
            "parents" if isinstance(found, Copy) and found.parents else "",
            f"unpack {found.unpack}" if isinstance(found, Add) else "",
            "" if clamp is None else str(clamp),
            *(["link"] if found.link else []),
        ]
        return [word.encode("utf-8", "surrogateescape") for word in words]

    def _make(self, staging: Staging, scratch: Scratch, extra: Sequence[Copied]) -> Packed:
        from pallet.build.layerwrite import write_layer

        lowers = directories(self._state.top)
        stacks = [lowers, directories(self._source) if self._staged else []]
        if self._instruction.link:
            stacks.append([])  # it is laid out on nothing, whatever lies below

        def write(roots: list[int]) -> Packed:
            tree = Tree(roots[1], keeps_owners=True) if self._staged else self._context_tree()
            gathered = self._gather(tree, extra)
            self._content_parts(lambda use: use(tree), extra)  # now: the sources may be gone when it is asked for
            if isinstance(self._instruction, Add):
                gathered = self._unpacked(scratch, gathered)
            plan = lay_out(
                self._instruction,
                gathered,
                self._destination,
                roots[2] if self._instruction.link else roots[0],
                people=roots[0],
                clamp=self._shared.options.clamp,
            )
            engine, unpacker = self._shared.engine, lambda: self._shared.unpacker
            return write_layer(engine, unpacker, plan.items(), roots[0], lowers, staging)

        return with_views(self._directory, stacks, write)

    def _unpacked(self, scratch: Scratch, gathered: Gathered) -> Gathered:
        """ADD's archives, unpacked: those of the context unless told otherwise, those of URLs if told so."""
        assert isinstance(self._instruction, Add)
        pieces: list[Piece] = []
        into: list[bool] = []
        for piece, inside in zip(gathered.pieces, gathered.into, strict=True):
            local = piece.tree.root == self._context_tree().root
            wanted = self._instruction.unpack if self._instruction.unpack is not None else local
            if piece.itself.is_file and wanted and _is_archive(piece.tree, piece.path):
                place = self._shared.staging()
                fd = piece.tree.open(piece.path)
                with open(fd, "rb", buffering=0) as file:
                    unpack(place, iter(lambda file=file: file.read(CHUNK_SIZE), b""))  # type: ignore[misc]
                tree = scratch.tree(place.fs, keeps_owners=True)
                found = gather([Copied(tree, "/", unpacked=True)], "/", parents=False, exclude=())
                pieces += found.pieces
                into.append(True)
            else:
                pieces.append(piece)
                into.append(inside)
        return msgspec.structs.replace(gathered, pieces=tuple(pieces), into=tuple(into))

    def _repository(self, scratch: Scratch, source: str) -> Copied:
        assert isinstance(self._instruction, Add)
        place = scratch.place()
        checksum = self._instruction.checksum
        keep = bool(self._instruction.keep_git_dir)
        inner, found = clone(source, place, keep_git=keep)
        self.fetched.append((source, "sha1", found))
        if checksum and (not found.startswith(checksum.removeprefix("sha1:")) or not is_commit(found)):
            raise InvalidInput(f"expected checksum to match {checksum}, got {found}")
        return Copied(scratch.tree(place), inner or "/", unpacked=True)

    def _download(self, scratch: Scratch, source: str) -> Copied:
        assert isinstance(self._instruction, Add)
        from hashlib import sha256
        from urllib.parse import unquote, urlsplit

        from pallet.ops.download import Download

        name = posixpath.basename(unquote(urlsplit(source).path))
        if not name and self._instruction.destination.endswith("/"):
            raise InvalidInput(f"cannot determine filename from url: {source}")
        directory = scratch.place()
        path = f"{directory}/file"
        digest = sha256()
        with Download(source, self._shared.engine.settings.proxies) as download, open(path, "wb") as file:
            while chunk := download.read(CHUNK_SIZE):
                digest.update(chunk)
                file.write(chunk)
        self.fetched.append((source, "sha256", digest.hexdigest()))
        wanted = self._instruction.checksum
        if wanted and wanted != f"sha256:{digest.hexdigest()}":
            raise InvalidInput(f"digest mismatch sha256:{digest.hexdigest()}: {wanted}")
        scratch.settle(path, _DOWNLOADED)
        return Copied(scratch.tree(directory), "file", name or "file")


def _is_archive(tree: Tree, path: str) -> bool:
    """Whether a file is a tar, plain or compressed."""
    from pallet.layer.compress import decompressor
    from pallet.layer.tarformat import BLOCK, full_checksums

    fd = tree.open(path)
    try:
        with open(fd, "rb", buffering=0) as file:
            stream = decompressor(file)
            header = b""
            while len(header) < BLOCK and (chunk := stream.read(BLOCK - len(header))):
                header += chunk
    except (PalletError, OSError, EOFError):
        return False
    if len(header) < BLOCK or not header.strip(b"\0"):
        return False
    said = header[148:156].strip(b"\0 ")
    try:
        return int(said, 8) in full_checksums(header)
    except ValueError:
        return False
