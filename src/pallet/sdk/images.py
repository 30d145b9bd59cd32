"""`engine.images`, as docker-py knows it."""

from __future__ import annotations

import builtins
import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, overload

from pallet.progress import Progress, silent
from pallet.sdk import inputs
from pallet.sdk.arguments import Filters, filter_pairs, lines, optional_reference, reference
from pallet.sdk.image import Image, image_id

if TYPE_CHECKING:
    from pallet.build.events import BuildEvent
    from pallet.sdk.engine import Engine


class Images:
    """The images of an engine's store.

    Args:
        engine: the engine.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, name: str) -> Image:
        """The image with a name, an id, or the beginning of an id.

        Raises:
            NoSuchImage: there is none.

        Example:
            >>> engine.images.get("ubuntu:18.04").id
            'sha256:0ac33e5f5afa79e084075e8698a22d574816eea8d7b7d480586835657c3e1c8b'
        """
        return Image(self._engine, self._engine.store.images.resolve(name).image)

    def list(self, name: str | None = None, all: bool = False, filters: Filters | None = None) -> builtins.list[Image]:
        """The images, newest first.

        Args:
            name: only those of this repository, or with this repository and tag; shell patterns are fine.
            all: also those without a name that others were made from.
            filters: `dangling` (bool), `label`, `before`, `since`, `reference`; a value, or a list of them.

        Raises:
            InvalidInput: a bad filter.
            NoSuchImage: `before` or `since` names no image.

        Example:
            >>> engine.images.list(filters={"label": ["stage=test"]})
            [<Image: 'app:test'>]
        """
        from pallet.ops.list_images import list_images

        found = list_images(self._engine, name=name, all=all, filters=filter_pairs(filters))
        return [Image(self._engine, each.row.id) for each in found]

    @overload
    def pull(
        self,
        repository: str,
        tag: str | None = None,
        all_tags: Literal[False] = False,
        platform: str | None = None,
        progress: Progress | None = None,
    ) -> Image: ...

    @overload
    def pull(
        self,
        repository: str,
        tag: str | None = None,
        *,
        all_tags: Literal[True],
        platform: str | None = None,
        progress: Progress | None = None,
    ) -> builtins.list[Image]: ...

    @overload
    def pull(
        self,
        repository: str,
        tag: str | None = None,
        all_tags: bool = False,
        platform: str | None = None,
        progress: Progress | None = None,
    ) -> Image | builtins.list[Image]: ...

    def pull(
        self,
        repository: str,
        tag: str | None = None,
        all_tags: bool = False,
        platform: str | None = None,
        progress: Progress | None = None,
    ) -> Image | builtins.list[Image]:
        """Pull an image from its registry, or all of a repository.

        Args:
            repository: the image's name, with or without a tag or digest.
            tag: a tag or digest; `latest` if there is none at all.
            all_tags: pull every tag; `tag` is ignored then.
            platform: `os[/arch[/variant]]`; this machine's if not given.
            progress: is called with a `pallet.Event` for each step, in docker's words, from several threads.

        Returns:
            The image; with `all_tags` a list, each image once.

        Raises:
            InvalidReference: not a name.
            NotFound, Unauthorized, Unavailable: as the registry answers.
            Integrity: the registry sent something else than its digests promise.

        Example:
            >>> engine.images.pull("ubuntu", tag="18.04")
            <Image: 'ubuntu:18.04'>
        """
        from pallet.ops.pull import pull, pull_all
        from pallet.platform import parse as parse_platform

        wanted = parse_platform(platform) if platform else None
        report = progress or silent
        if all_tags:
            named = reference(repository)
            repo = named.with_tag("latest")
            pulled = pull_all(self._engine, repo, platform=wanted, progress=report)
            return self._unique(each.image for each in pulled)
        one = pull(self._engine, reference(repository, tag), platform=wanted, progress=report)
        return Image(self._engine, one.image)

    def push(self, repository: str, tag: str | None = None, progress: Progress | None = None) -> str:
        """Push an image to its registry. What the registry has already is not sent.

        Args:
            repository: the local name, with or without a tag.
            tag: the tag; `latest` if there is none at all.
            progress: is called with a `pallet.Event` for each step, in docker's words, from several threads.

        Returns:
            The digest that the image has in the registry.

        Raises:
            InvalidReference: not a name.
            InvalidInput: a digest.
            NotFound: no image has that name.
            Unauthorized, Forbidden, Unavailable: as the registry answers.

        Example:
            >>> engine.images.push("registry.example.com/me/app", tag="1.0")
            'sha256:61b24ae5a4cba5e3bd4dae2ff5ae7b1ffcbc3a2b4a4b3b1d2f9bfa2dd4ae2c34'
        """
        from pallet.ops.push import push

        named = optional_reference(repository, tag, "push a")
        assert named is not None
        return push(self._engine, named, progress=progress or silent).digest

    def load(
        self, data: inputs.Data, *, platform: str | None = None, progress: Progress | None = None
    ) -> builtins.list[Image]:
        """Load all images of an archive: docker's, or an OCI image layout, compressed or not.

        Args:
            data: a path (of a tar, or of an OCI layout's directory), a binary file, bytes, or pieces of bytes.
            platform: `os[/arch[/variant]]` for archives with several; this machine's if not given.
            progress: is called with a `pallet.Event` for each step.

        Returns:
            The images in the archive's order, each once.

        Raises:
            InvalidInput: not an archive of images.
            Integrity: something in it is not what its digest says.
            HostError: the path cannot be opened.
            TypeError: a text file, or nothing that can be read.

        Example:
            >>> engine.images.load("ubuntu.tar")
            [<Image: 'ubuntu:latest'>]
        """
        from pallet.ops.load import load
        from pallet.platform import parse as parse_platform

        wanted = parse_platform(platform) if platform else None
        loaded = load(self._engine, inputs.archive(data), platform=wanted, progress=progress or silent)
        return self._unique(each.image for each in loaded)

    def import_(
        self,
        src: inputs.Data,
        repository: str | None = None,
        tag: str | None = None,
        changes: str | Iterable[str] | None = None,
        message: str | None = None,
        *,
        platform: str | None = None,
    ) -> Image:
        """Make an image of one layer from the tar of a file system.

        Args:
            src: a path, a URL, a binary file, bytes, or pieces of bytes (`container.export()`): a tar, plain or
                compressed with gzip, bzip2, xz or zstd.
            repository: the new image's name; none if not given.
            tag: its tag; `latest` if there is none at all.
            changes: Dockerfile instructions for the config, as lines of one text or one by one.
            message: for the history.
            platform: the image's `os[/arch[/variant]]`; this machine's if not given.

        Raises:
            InvalidInput: a bad name, change or URL.
            Integrity: not a tar, or a hostile one.
            HostError: the path cannot be opened.
            Unavailable: the URL cannot be fetched.
            TypeError: a text file, or nothing that can be read.

        Example:
            >>> engine.images.import_("rootfs.tar", "mine", changes=['CMD ["sh"]'])
            <Image: 'mine:latest'>
        """
        from pallet.ops.import_image import import_image
        from pallet.platform import parse as parse_platform

        named = optional_reference(repository, tag, "import")
        wanted = parse_platform(platform) if platform else None
        with inputs.tar(src, self._engine.settings.proxies) as tar:
            id = import_image(
                self._engine,
                tar,
                named,
                source=src if isinstance(src, str) and "://" in src else "-",
                message=message or "",
                changes=lines(changes),
                platform=wanted,
            )
        return Image(self._engine, id)

    def build(
        self,
        path: str | os.PathLike[str] | None = None,
        tag: str | Iterable[str] | None = None,
        quiet: bool = False,
        fileobj: BinaryIO | None = None,
        nocache: bool = False,
        rm: bool = True,
        custom_context: bool = False,
        encoding: str | None = None,
        pull: bool = False,
        forcerm: bool = False,
        dockerfile: str | None = None,
        buildargs: Mapping[str, object] | None = None,
        container_limits: Mapping[str, Any] | None = None,
        shmsize: int | None = None,
        labels: Mapping[str, str] | None = None,
        target: str | None = None,
        network_mode: str | None = None,
        squash: bool = False,
        extra_hosts: Mapping[str, str] | Iterable[str] | None = None,
        platform: str | None = None,
        *,
        timeout: int | None = None,
        gzip: bool = False,
        cache_from: Iterable[str] | None = None,
        isolation: str | None = None,
        use_config_proxy: bool = False,
        sbom: bool = False,
        provenance: str | None = None,
        secrets: Mapping[str, bytes] | None = None,
        contexts: Mapping[str, str] | None = None,
        source_date_epoch: int | None = None,
        rewrite_timestamp: bool = False,
        progress: Callable[[BuildEvent], None] | None = None,
    ) -> tuple[Image, builtins.list[str]]:
        """Build an image from a Dockerfile.

        Args:
            path: the context: a directory, a git repository, or a URL.
            tag: the image's name, or several.
            quiet, rm, forcerm, timeout, gzip: for docker-py's callers; here they change nothing.
            fileobj: a Dockerfile, instead of a path; a context's tar with `custom_context`.
            nocache: use no results of earlier builds.
            custom_context: `fileobj` is a tar; its `encoding` is found out.
            pull: ask the registry for base images that are here.
            dockerfile: the Dockerfile's path in the context.
            buildargs: values of ARGs.
            container_limits: `memory`, `memswap` (bytes), `cpushares`, `cpusetcpus`, of RUN.
            shmsize: bytes of RUN's /dev/shm.
            labels: of the image.
            target: the stage to build.
            network_mode: of RUN: `default`, `host` or `none`.
            squash: make the new layers one.
            extra_hosts: names and addresses for RUN.
            platform: `os[/arch[/variant]]`; this machine's if not given. Several, with commas, make an index.
            cache_from: caches of other builds, as `--cache-from` takes them.
            isolation, use_config_proxy: docker-py's; anything but the default is refused.
            sbom, provenance: attach the image's packages, and how it was made (`mode=min` or `mode=max`).
            secrets, contexts: what RUN --mount=type=secret finds, and further contexts; by id and name.
            source_date_epoch: when all is made, in seconds since 1970; with `rewrite_timestamp` files, too.
            progress: is called with a `BuildEvent` for each report, from several threads, one at a time.

        Returns:
            The image, and what the build printed, line by line.

        Raises:
            DockerfileError: the Dockerfile is wrong, or one of its instructions failed; it has the lines.
            InvalidInput, TypeError: an argument is wrong, or missing.

        Example:
            >>> image, log = engine.images.build(path=".", tag="app:1", buildargs={"VERSION": "1"})
            >>> image.tags
            ['app:1']
        """
        from pallet.sdk.build import build_image

        return build_image(
            self._engine,
            path,
            fileobj,
            tag=tag,
            nocache=nocache,
            custom_context=custom_context,
            encoding=encoding,
            pull=pull,
            dockerfile=dockerfile,
            buildargs=buildargs,
            container_limits=container_limits,
            shmsize=shmsize,
            labels=labels,
            target=target,
            network_mode=network_mode,
            squash=squash,
            cache_from=cache_from,
            isolation=isolation,
            use_config_proxy=use_config_proxy,
            sbom=sbom,
            provenance=provenance,
            extra_hosts=extra_hosts,
            platform=platform,
            secrets=secrets,
            contexts=contexts,
            source_date_epoch=source_date_epoch,
            rewrite_timestamp=rewrite_timestamp,
            progress=progress,
        )

    def remove(self, image: str | Image, force: bool = False, noprune: bool = False) -> None:
        """Remove a name, and the image with its last one.

        Args:
            image: a name, an id, the beginning of an id, or an image (which is its id).
            force: remove what several names or stopped containers still use.
            noprune: leave untagged parents alone.

        Raises:
            NoSuchImage: there is none.
            Conflict: it is in use.

        Example:
            >>> engine.images.remove("ubuntu:18.04")
        """
        from pallet.ops.remove_image import remove_image

        remove_image(self._engine, image_id(image), force=force, prune_parents=not noprune)

    def prune(
        self, filters: Filters | None = None, *, all: bool = False, protect: Iterable[str] = (), dry_run: bool = False
    ) -> dict[str, Any]:
        """Remove images without a name that nothing uses.

        Args:
            filters: `dangling` (False for all that no container uses), `until`, `label`, `label!`, and `unused-for`, a
                duration like `240h` since a container was last made.
            all: the same as `dangling` False.
            protect: names that must stay, as shell patterns.
            dry_run: only tell what would go.

        Returns:
            `ImagesDeleted`, a list of `{"Untagged": name}` and `{"Deleted": id}`, and `SpaceReclaimed`, bytes.

        Raises:
            InvalidInput: a bad filter or pattern.

        Example:
            >>> engine.images.prune({"unused-for": "240h"}, all=True, protect=["base/*"])["SpaceReclaimed"]
            73400320
        """
        from pallet.ops.prune_images import prune_images

        pruned = prune_images(
            self._engine, all=all, filters=filter_pairs(filters), protect=tuple(protect), dry_run=dry_run
        )
        gone = [{"Deleted": each.deleted} if each.deleted else {"Untagged": each.untagged} for each in pruned.removed]
        return {"ImagesDeleted": gone, "SpaceReclaimed": pruned.reclaimed}

    def _unique(self, ids: Iterable[Any]) -> builtins.list[Image]:
        return [Image(self._engine, id) for id in dict.fromkeys(ids)]
