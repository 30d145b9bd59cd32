"""COPY and ADD: from words to a layer."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import msgspec

from pallet.build.copyplan import CopyPlan, Piece
from pallet.build.digests import piece_digest, tree_digest
from pallet.build.modes import mode_change, owner
from pallet.build.source import Entry, Tree
from pallet.dockerfile.ignore import IgnoreRules
from pallet.dockerfile.instructions import Add, Copy
from pallet.store.build_cache import BuildCache

_NANOSECONDS = 1_000_000_000


class Copied(msgspec.Struct, frozen=True):
    """One word of sources: the tree it is in, its path or pattern there, and what it is called if it is a file.

    `unpacked` says that its contents go into the destination, which is a directory (an archive, a repository).
    """

    tree: Tree
    pattern: str
    name: str = ""
    unpacked: bool = False


class Gathered(msgspec.Struct, frozen=True):
    """What a COPY copies.

    Attributes:
        pieces: the sources.
        into: of each, whether the destination is a directory for its sake.
    """

    pieces: tuple[Piece, ...]
    into: tuple[bool, ...]


def gather(sources: Sequence[Copied], destination: str, *, parents: bool, exclude: tuple[str, ...]) -> Gathered:
    """Find what the sources mean.

    Args:
        destination: as written, variables expanded.
        parents: COPY --parents.
        exclude: the patterns of --exclude.

    Raises:
        InvalidInput: a source that is not there, a pattern that is none.
    """
    rules = IgnoreRules.of(exclude)
    directory = destination.endswith(("/", "/.", "/..")) or destination in ("", ".")
    pieces: list[Piece] = []
    into: list[bool] = []
    for source in sources:
        for path, pivot in (
            _with_parents(source) if parents else ((path, None) for path in source.tree.find(source.pattern))
        ):
            piece = _piece(source, path, rules, pivot)
            if piece is not None:
                pieces.append(piece)
                into.append(directory or source.unpacked)
    return Gathered(tuple(pieces), tuple(into))


def _with_parents(source: Copied) -> Iterator[tuple[str, str]]:
    """What a --parents source means, and from where on directories are kept: from a `/./` in it, or the root."""
    before, found, after = source.pattern.partition("/./")
    for pivot in source.tree.find(before) if found else [""]:
        for path in source.tree.find(after if found else source.pattern, base=pivot, deep=True):
            yield path, pivot


def _piece(source: Copied, path: str, rules: IgnoreRules, pivot: str | None) -> Piece | None:
    tree = source.tree
    real = tree.resolve(path)
    itself = tree.entry(real)
    name = source.name or posixpath.basename(path) or posixpath.basename(real)
    parents: tuple[Entry, ...] | None = None
    relative = path[len(pivot) :].strip("/") if pivot else path
    if pivot is not None and relative:
        steps = relative.split("/")[:-1]
        base = pivot
        found = []
        for step in steps:
            base = posixpath.join(base, step)
            found.append(msgspec.structs.replace(tree.entry(tree.resolve(base)), path=base))
        parents = tuple(found)
    excluding = bool(rules.rules)
    if not itself.is_directory:
        if excluding and (rules.matches(name) or rules.matches(path)):
            return None
        return Piece(tree, real, name, (itself,), itself, parents)
    wanted = (lambda inner, is_directory: not rules.matches(inner)) if excluding else None
    return Piece(tree, real, name, tuple(tree.below(real, wanted)), itself, parents, source.unpacked)


def contents_key(gathered: Gathered, cache: BuildCache) -> list[bytes]:
    """Digests of all that is copied: names, contents, types, modes and owners as far as they mean something.

    Raises:
        HostError: a file cannot be read.
    """
    parts: list[bytes] = []
    for piece in gathered.pieces:
        head = "directory" if piece.itself.is_directory else piece.name
        parts += [head.encode("utf-8", "surrogateescape"), b"%o" % piece.tree.mode_of(piece.itself)]
        base = piece.path if piece.itself.is_directory else posixpath.dirname(piece.path)
        parts.append(piece_digest(piece.tree, base, piece.itself, piece.entries, cache))
        if piece.parents is not None:
            parts.append(piece.name.encode("utf-8", "surrogateescape"))
            parts.append("/".join(parent.path for parent in piece.parents).encode("utf-8", "surrogateescape"))
            parts.append(tree_digest(piece.tree, "", piece.parents, {}))
    return parts


def lay_out(
    instruction: Copy | Add,
    gathered: Gathered,
    destination: str,
    root: int,
    *,
    people: int,
    clamp: int | None = None,
) -> CopyPlan:
    """Put the sources where they go.

    Args:
        instruction: its --chown and --chmod count.
        destination: an absolute path.
        root: what it is laid out on: the stage's root, or an empty one; open.
        people: the root that has the users and groups, open.
        clamp: the latest time, in seconds since 1970.

    Raises:
        InvalidInput: something is in the way, no such user.
    """
    latest = None if clamp is None else clamp * _NANOSECONDS
    plan = CopyPlan(
        root,
        owner=owner(instruction.chown, people),
        chmod=mode_change(instruction.chmod),
        clock=lambda time: time if latest is None else min(time, latest),
    )
    for piece, into in zip(gathered.pieces, gathered.into, strict=True):
        plan.copy(piece, destination, into=into)
    return plan


class Scratch:
    """A directory for files that come from somewhere else than a tree: heredocs, downloads. A context.

    Args:
        path: an existing directory that the caller removes.
        time: of the files, in nanoseconds since 1970.
    """

    def __init__(self, path: str, time: int) -> None:
        self.path = path
        self._time = time
        self._stack = ExitStack()
        self._count = 0

    def __enter__(self) -> Scratch:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def place(self) -> str:
        """A new empty directory."""
        self._count += 1
        path = f"{self.path}/source-{self._count}"
        os.mkdir(path, 0o755)
        return path

    def tree(self, path: str, *, keeps_owners: bool = False) -> Tree:
        """A directory as a tree."""
        root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._stack.callback(os.close, root)
        return Tree(root, keeps_owners=keeps_owners)

    def file(self, name: str, content: bytes) -> Copied:
        """A file with this content, 0644."""
        directory = self.place()
        path = f"{directory}/file"
        with open(path, "wb") as file:
            file.write(content)
        self.settle(path, 0o644)
        return Copied(self.tree(directory), "file", name)

    def settle(self, path: str, mode: int, time: int | None = None) -> None:
        """Give a file its mode and time, whatever the umask and the clock."""
        os.chmod(path, mode)
        moment = self._time if time is None else time
        os.utime(path, ns=(moment, moment))
