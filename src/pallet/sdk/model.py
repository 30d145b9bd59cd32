"""What all objects of docker-py's have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pallet.sdk.engine import Engine

_SHORT = 12
_ALGORITHM = "sha256:"


class Model:
    """One object of an engine's store. Two are equal if they are of one kind and have the same id.

    Args:
        engine: whose store.
        id: what is its own for good.
    """

    def __init__(self, engine: Engine, id: str) -> None:
        self._engine = engine
        self._id = id
        self._attrs: dict[str, Any] | None = None

    @property
    def id(self) -> str:
        """Its full id: 64 hex digits, of an image behind `sha256:`; a volume's is its name."""
        return self._id

    @property
    def short_id(self) -> str:
        """The first 12 characters of the id, of an image behind `sha256:`."""
        return self._id[: _SHORT + len(_ALGORITHM) if self._id.startswith(_ALGORITHM) else _SHORT]

    @property
    def attrs(self) -> dict[str, Any]:
        """What `pallet inspect` prints, key for key; read when first asked for, and by `reload`.

        Raises:
            NotFound: it is gone.
        """
        # Another thread may drop what is kept at any time.
        attrs = self._attrs
        if attrs is None:
            attrs = self._attrs = self._inspect()
        return attrs

    def reload(self) -> None:
        """Read `attrs` again.

        Raises:
            NotFound: it is gone.
        """
        self._attrs = self._inspect()

    def _inspect(self) -> dict[str, Any]:
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.short_id}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and type(other) is type(self) and other._id == self._id

    def __hash__(self) -> int:
        return hash(self._id)


class Collection:
    """All objects of one kind in an engine's store.

    Args:
        engine: whose store.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
