"""The last build of each place, so that one of which nothing has changed is known by a look at its files.

The module is on the way of such a build: it imports next to nothing.
"""

from __future__ import annotations

import os
import time

from pallet.digest import Digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pallet.store.db import Database

_KEPT = 100  # places


class LastBuild:
    """A build whose every step was found in the cache.

    Attributes:
        question: the digest of all that was asked for but the files of the context.
        image, manifest: what was made.
        bases: the full names of the images that it is made of, and what each stood for.
        names: the full names that it got.
        keys: what of the build cache was used.
        paths: what of the context was looked at.
        state: what stat(2) said of that, as a digest.
        steps: what was reported, as JSON.
    """

    __slots__ = ("bases", "image", "keys", "manifest", "names", "paths", "question", "state", "steps")

    def __init__(
        self,
        question: str,
        image: Digest,
        manifest: Digest,
        bases: Sequence[tuple[str, str]],
        names: Sequence[str],
        keys: Sequence[str],
        paths: Sequence[str],
        state: str,
        steps: bytes,
    ) -> None:
        self.question = question
        self.image = image
        self.manifest = manifest
        self.bases = bases
        self.names = names
        self.keys = keys
        self.paths = paths
        self.state = state
        self.steps = steps


class LastBuilds:
    """The last builds of one store."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, place: str) -> LastBuild | None:
        """The last build of a place, if its image is still there.

        Args:
            place: the context's directory, the Dockerfile and the target.
        """
        row = self._db.row(
            "SELECT question, image, manifest, bases, names, keys, paths, state, steps FROM last_builds"
            " WHERE place = ?",
            (_text(place),),
        )
        if row is None:
            return None
        question, image, manifest, bases, names, keys, paths, state, steps = row
        return LastBuild(
            question,
            Digest(image),
            Digest(manifest),
            [(name, id) for name, _, id in (line.partition(" ") for line in bases.splitlines())],
            names.split(),
            keys.split(),
            os.fsdecode(paths).split("\0") if paths else [],
            state,
            steps,
        )

    def stands(self, build: LastBuild) -> bool:
        """Whether all names still mean what they meant."""
        for name, image in build.bases:
            if self._meaning(name)[0] != image:
                return False
        return all(self._meaning(name) == (build.image, build.manifest) for name in build.names)

    def keep(self, place: str, build: LastBuild) -> None:
        """Remember a build in place of the one before; those longest not wanted go, if they are many."""
        with self._db.transaction(lasting=False) as connection:
            connection.execute(
                "INSERT OR REPLACE INTO last_builds"
                " (place, question, image, manifest, bases, names, keys, paths, state, steps, used)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    _text(place),
                    build.question,
                    build.image,
                    build.manifest,
                    "".join(f"{name} {id}\n" for name, id in build.bases),
                    " ".join(build.names),
                    " ".join(build.keys),
                    os.fsencode("\0".join(build.paths)),
                    build.state,
                    build.steps,
                    time.time_ns(),
                ),
            )
            connection.execute(
                "DELETE FROM last_builds WHERE place NOT IN"
                f" (SELECT place FROM last_builds ORDER BY used DESC LIMIT {_KEPT})"
            )

    def again(self, place: str, build: LastBuild) -> None:
        """The same build was wanted just now, and so were the results of the build cache that it is made of."""
        with self._db.transaction(lasting=False) as connection:
            connection.execute("UPDATE last_builds SET used = ? WHERE place = ?", (time.time_ns(), _text(place)))
            touch(self._db, build.keys)

    def _meaning(self, name: str) -> tuple[str, str]:
        """The image and the manifest of a full name."""
        key = name.rpartition(":")[::2]
        found: tuple[str, str] | None = self._db.row("SELECT image, manifest FROM tags WHERE name = ? AND tag = ?", key)
        return found or ("", "")

    def forget(self) -> None:
        """Forget all."""
        with self._db.transaction() as connection:
            connection.execute("DELETE FROM last_builds")


def touch(db: Database, keys: Iterable[str]) -> None:
    """Note that a build wanted these results of the build cache just now."""
    now = time.time_ns()
    with db.transaction() as connection:
        connection.executemany(
            "UPDATE build_cache SET used = ?, uses = uses + 1 WHERE key = ?", [(now, key) for key in keys]
        )


def _text(place: str) -> bytes:
    """SQLite's text is UTF-8; a path need not be."""
    return os.fsencode(place)
