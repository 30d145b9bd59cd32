"""Names for the shell's completion. On the quick path."""

from __future__ import annotations

from pallet.naming import familiar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.engine import Engine


def image_names(engine: Engine) -> list[str]:
    """Every tag, as docker prints it, and each repository that has a `latest`."""
    names: list[str] = []
    for row in engine.store.images.tags():
        name = familiar(row.name)
        names.append(f"{name}:{row.tag}")
        if row.tag == "latest":
            names.append(name)
    return names


def container_names(engine: Engine) -> list[str]:
    """Every container's name."""
    return [name for (name,) in engine.store.db.rows("SELECT name FROM containers ORDER BY name")]


def network_names(engine: Engine) -> list[str]:
    """Every network's name."""
    return sorted(["bridge", "host", "none", *(name for (name,) in engine.store.db.rows("SELECT name FROM networks"))])


def volume_names(engine: Engine) -> list[str]:
    """Every volume's name."""
    return [name for (name,) in engine.store.db.rows("SELECT name FROM volumes ORDER BY name")]


FINDERS = {"container": container_names, "image": image_names, "network": network_names, "volume": volume_names}
"""How the names of each kind are found."""
