"""Base images: found in the store or pulled, each once a build."""

from __future__ import annotations

import threading

import msgspec

from pallet.build.cache import LayerBook
from pallet.build.events import Cancel, Journal, Step
from pallet.build.layers import Layer, Packed
from pallet.digest import Digest
from pallet.engine import Engine
from pallet.errors import InvalidInput, NoSuchImage, PalletError
from pallet.oci.chain import chain_ids
from pallet.ops.images import StoredImage, image_by_id
from pallet.ops.platform_image import platform_image
from pallet.platform import Platform, host, rank
from pallet.reference import parse

_DOCKER_IMAGE = "docker-image://"
PREFIX = "oci-layout://"
"""What the name of an image in an OCI layout begins with."""


def named_image(value: str) -> str:
    """The image that a build context is; "" for a context of files."""
    if value.startswith(_DOCKER_IMAGE):
        return value.removeprefix(_DOCKER_IMAGE)
    return value if value.startswith(PREFIX) else ""


class Base(msgspec.Struct, frozen=True):
    """An image to build on, or to copy from; `digest` is the registry's for its name, or else its manifest's."""

    image: StoredImage
    top: Layer | None
    digest: Digest


class Bases:
    """The images of one build.

    Args:
        engine: whose store and registries; the caller is inside `store.adding()`.
        book: takes their layers.
        journal: told of pulls.
        refresh: ask the registries for images that are here, too.
    """

    def __init__(self, engine: Engine, book: LayerBook, journal: Journal, cancel: Cancel, *, refresh: bool) -> None:
        self._engine = engine
        self._book = book
        self._journal = journal
        self._cancel = cancel
        self._refresh = refresh
        self._lock = threading.Lock()
        self._known: dict[tuple[str, Platform], Base] = {}
        self._pulled = False

    def image(self, name: str, platform: Platform) -> Base:
        """An image by its name or id.

        Raises:
            InvalidInput: it cannot be had, with the registry's reason.
        """
        with self._lock:
            key = (name, platform)
            if key not in self._known:
                self._cancel.check()
                try:
                    self._known[key] = self._load(name, platform)
                except PalletError as error:
                    why = f"{name}: failed to resolve source metadata for {_full(name)}: {error.message}"
                    raise InvalidInput(why, hint=error.hint) from error
            return self._known[key]

    def _load(self, name: str, platform: Platform) -> Base:
        with self._journal.step(f"[internal] load metadata for {_full(name)}") as step:
            if name.startswith(PREFIX):
                from pallet.build.layout import layout_image

                image = layout_image(self._engine, name, platform, step.progress)
                digest = image.manifest.digest
            elif self._refresh or (here := self._here(name, platform)) is None:
                self._pulled = True
                image, digest = self._pull(name, platform, step)
            else:
                image, digest = here
        chain = chain_ids(image.config.diff_ids)
        infos = [self._engine.snapshots.info(each) for each in chain]
        packed = [
            Packed(blob, info.diff_id, info.size, info.files)
            for blob, info in zip(image.manifest.layers, infos, strict=True)
        ]
        return Base(image, self._book.base(chain, packed), digest)

    def meanings(self) -> list[tuple[str, str]] | None:
        """The full names of all images, and what each stands for here; None if another look might tell another image.

        That is so of images that are named by something else than a tag, or are for another machine, or were pulled.
        """
        if self._pulled:
            return None
        found: list[tuple[str, str]] = []
        for (name, _), base in self._known.items():
            try:
                match = self._engine.store.images.resolve(name)
            except PalletError:
                return None
            if match.tag is None or match.image != base.image.id:
                return None
            found.append((f"{match.tag.name}:{match.tag.tag}", match.image))
        return found

    def _digest(self, name: str, image: StoredImage) -> Digest:
        try:
            repository = parse(name).name
        except InvalidInput:
            return image.manifest.digest
        rows = self._engine.store.images.repo_digests_of(image.id)
        return next((row.digest for row in rows if row.name == repository), image.manifest.digest)

    def _here(self, name: str, platform: Platform) -> tuple[StoredImage, Digest] | None:
        try:
            image = platform_image(self._engine, name, platform)
        except NoSuchImage:
            return self._foreign(name, platform)
        return image, self._digest(name, image)

    def _foreign(self, name: str, platform: Platform) -> tuple[StoredImage, Digest] | None:
        """An image for another machine that was pulled before."""
        from pallet.store.foreign_images import find_foreign

        found = find_foreign(self._engine.store.db, parse(name).with_default_tag(), str(platform))
        return None if found is None else (image_by_id(self._engine, found.image, found.manifest), found.digest)

    def _pull(self, name: str, platform: Platform, step: Step) -> tuple[StoredImage, Digest]:
        """From its registry, with the digest that it has there; for another machine without the name.

        The name stands for what runs here: a build for another machine as well must not move it.
        """
        from pallet.ops.copy import resolve_image
        from pallet.ops.pull import pull
        from pallet.registry.source import RegistrySource
        from pallet.store.foreign_images import ForeignImage, keep_foreign

        reference = parse(name).with_default_tag()
        if rank(platform, host()) is not None:
            pulled = pull(self._engine, reference, platform=platform, progress=step.progress)
            return image_by_id(self._engine, pulled.image), pulled.digest
        resolved = resolve_image(RegistrySource(self._engine.registry, reference), platform)
        exact = reference.with_digest(resolved.manifest.digest)
        pulled = pull(self._engine, exact, platform=platform, progress=step.progress)
        found = ForeignImage(resolved.root.digest, pulled.image, resolved.manifest.digest)
        keep_foreign(self._engine.store.db, reference, str(platform), found)
        return image_by_id(self._engine, found.image, found.manifest), found.digest


def _full(name: str) -> str:
    try:
        return str(parse(name).with_default_tag())
    except PalletError:
        return name
