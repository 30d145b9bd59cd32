"""pallet: a daemonless engine for container images and containers, as a library.

    import pallet

    with pallet.Engine() as engine:
        image = engine.images.pull("ubuntu", tag="18.04")
        print(engine.containers.run(image, ["cat", "/etc/os-release"], remove=True).decode())

Importing this costs nothing: each name is fetched when it is first used.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet import errors as errors
    from pallet import types as types
    from pallet.progress import Event as Event
    from pallet.sdk.container import Container as Container
    from pallet.sdk.engine import Engine as Engine
    from pallet.sdk.engine import from_env as from_env
    from pallet.sdk.image import Image as Image
    from pallet.sdk.networks import Network as Network
    from pallet.sdk.volumes import Volume as Volume
    from pallet.version import __version__ as __version__

__all__ = ["Container", "Engine", "Event", "Image", "Network", "Volume", "__version__", "errors", "from_env", "types"]

_HOMES = {
    "Container": "pallet.sdk.container",
    "Engine": "pallet.sdk.engine",
    "Event": "pallet.progress",
    "Image": "pallet.sdk.image",
    "Network": "pallet.sdk.networks",
    "Volume": "pallet.sdk.volumes",
    "__version__": "pallet.version",
    "from_env": "pallet.sdk.engine",
}


if not TYPE_CHECKING:  # to a type checker it would say that every name exists

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name in ("errors", "types"):
            return import_module(f"pallet.{name}")
        if name not in _HOMES:
            raise AttributeError(f"module 'pallet' has no attribute {name!r}")
        value: object = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
