"""What a registry has under a name, as docker-py knows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from pallet.errors import InvalidInput
from pallet.sdk.arguments import reference
from pallet.sdk.model import Model

if TYPE_CHECKING:
    from pallet.sdk.engine import Engine
    from pallet.sdk.image import Image


class RegistryData(Model):
    """An image in a registry. `engine.images.get_registry_data` makes these.

    Args:
        engine: whose registries.
        name: the image's name.
        auth_config: credentials for its registry; None for those that the engine has.

    Raises:
        InvalidReference: not a name.
        NotFound, Unauthorized, Unavailable: as the registry answers.
    """

    def __init__(self, engine: Engine, name: str, auth_config: Mapping[str, str] | None = None) -> None:
        self.image_name = name
        self._reference = reference(name)
        self._auth_config = auth_config
        super().__init__(engine, "")
        self._id = self.attrs["Descriptor"]["digest"]

    def has_platform(self, platform: str | Mapping[str, str]) -> bool:
        """Whether there is an image for a platform.

        Args:
            platform: `os[/arch[/variant]]`, or `{"os": ..., "architecture": ..., "variant": ...}`; what is left out is
                this machine's.

        Raises:
            InvalidInput: not a platform.
        """
        from pallet.platform import host

        if isinstance(platform, str):
            words = platform.split("/")
            if len(words) > 3:
                raise InvalidInput(f'"{platform}" is not a valid platform descriptor')
            platform = dict(zip(("os", "architecture", "variant"), words, strict=False))
        here = host()
        wanted = {"os": here.os, "architecture": here.architecture, **platform}
        return any(all(each.get(key) == value for key, value in wanted.items()) for each in self.attrs["Platforms"])

    def pull(self, platform: str | None = None) -> Image:
        """Pull the image by its digest; arguments and errors as `Images.pull`."""
        return self._engine.images.pull(
            self._reference.name, tag=self._id, platform=platform, auth_config=self._auth_config
        )

    def _inspect(self) -> dict[str, Any]:
        from pallet.ops.registry_data import registry_data
        from pallet.sdk.credentials import with_credentials

        engine = with_credentials(self._engine, self._reference.domain, self._auth_config)
        root, platforms = registry_data(engine, self._reference)
        about = {"mediaType": root.media_type, "digest": root.digest, "size": root.size}
        return {"Descriptor": about, "Platforms": [msgspec.to_builtins(each) for each in platforms]}
