"""How images come into a store and leave it: registries, archives, and tars of file systems."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, overload

from pallet.oci.codec import decode_object
from pallet.progress import Progress, silent
from pallet.sdk import inputs
from pallet.sdk.arguments import lines, optional_reference, reference
from pallet.sdk.image import Image
from pallet.sdk.model import Collection

if TYPE_CHECKING:
    from pallet.digest import Digest
    from pallet.sdk.registry_data import RegistryData


class PullWords(TypedDict, total=False):
    """What `Images.pull` may be told besides name and `all_tags`."""

    platform: str | None
    auth_config: Mapping[str, str] | None
    progress: Progress | None


class PushWords(TypedDict, total=False):
    """What `Images.push` may be told besides name and `stream`."""

    auth_config: Mapping[str, str] | None
    decode: bool
    progress: Progress | None


class ImageTransfers(Collection):
    """The verbs of `engine.images` that move images."""

    @overload
    def pull(
        self, repository: str, tag: str | None = None, *, all_tags: Literal[False] = False, **words: Unpack[PullWords]
    ) -> Image: ...

    @overload
    def pull(
        self, repository: str, tag: str | None = None, *, all_tags: Literal[True], **words: Unpack[PullWords]
    ) -> list[Image]: ...

    @overload
    def pull(
        self, repository: str, tag: str | None = None, *, all_tags: bool = False, **words: Unpack[PullWords]
    ) -> Image | list[Image]: ...

    def pull(
        self,
        repository: str,
        tag: str | None = None,
        all_tags: bool = False,
        platform: str | None = None,
        auth_config: Mapping[str, str] | None = None,
        progress: Progress | None = None,
    ) -> Image | list[Image]:
        """Pull an image from its registry, or all of a repository.

        Args:
            repository: the image's name, with or without a tag or digest.
            tag: a tag or digest; `latest` if there is none at all.
            all_tags: pull every tag; `tag` is ignored then.
            platform: `os[/arch[/variant]]`; this machine's if not given.
            auth_config: `{"username": ..., "password": ...}` instead of the credentials that are known.
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
        from pallet.sdk.credentials import with_credentials

        wanted = parse_platform(platform) if platform else None
        report = progress or silent
        named = reference(repository) if all_tags else reference(repository, tag)
        engine = with_credentials(self._engine, named.domain, auth_config)
        if all_tags:
            pulled = pull_all(engine, named.with_tag("latest"), platform=wanted, progress=report)
            return self._unique(each.image for each in pulled)
        return Image(self._engine, pull(engine, named, platform=wanted, progress=report).image)

    @overload
    def push(
        self, repository: str, tag: str | None = None, *, stream: Literal[False] = False, **words: Unpack[PushWords]
    ) -> str: ...

    @overload
    def push(
        self, repository: str, tag: str | None = None, *, stream: Literal[True], decode: Literal[True]
    ) -> Iterator[dict[str, Any]]: ...

    @overload
    def push(
        self, repository: str, tag: str | None = None, *, stream: Literal[True], **words: Unpack[PushWords]
    ) -> Iterator[Any]: ...

    def push(
        self,
        repository: str,
        tag: str | None = None,
        stream: bool = False,
        auth_config: Mapping[str, str] | None = None,
        decode: bool = False,
        progress: Progress | None = None,
    ) -> Any:
        """Push an image to its registry. What the registry has already is not sent.

        Args:
            repository: the local name, with or without a tag.
            tag: the tag; `latest` if there is none at all.
            stream: give an iterator over docker's messages while it works; it begins with the first one asked for.
            auth_config: `{"username": ..., "password": ...}` instead of the credentials that are known.
            decode: with `stream`: give JSON objects, not lines of JSON.
            progress: is called with a `pallet.Event` for each step, in docker's words, from several threads.

        Returns:
            docker's messages as lines of JSON, in one text or as an iterator. The last of them is
            `{"progressDetail": {}, "aux": {"Tag": ..., "Digest": ..., "Size": ...}}`. Unlike docker's, a failure is
            not a message but is raised.

        Raises:
            InvalidReference: not a name.
            InvalidInput: a digest.
            NotFound: no image has that name.
            Unauthorized, Forbidden, Unavailable: as the registry answers.

        Example:
            >>> for line in engine.images.push("registry.example.com/me/app", tag="1.0", stream=True, decode=True):
            ...     print(line)
        """
        from pallet.sdk.credentials import with_credentials
        from pallet.sdk.messages import push_image
        from pallet.sdk.stream import produced

        named = optional_reference(repository, tag, "push a")
        assert named is not None
        engine = with_credentials(self._engine, named.domain, auth_config)
        report = progress or silent
        if not stream:
            written: list[bytes] = []
            push_image(engine, named, report, written.append)
            return b"".join(written).decode()
        found = produced(lambda out: push_image(engine, named, report, out.write), chunk_size=None)
        return (decode_object(line, "a message") for line in found) if decode else found

    def get_registry_data(self, name: str, auth_config: Mapping[str, str] | None = None) -> RegistryData:
        """What a registry has under a name; nothing is pulled.

        Args:
            name: an image's name, with or without a tag or digest.
            auth_config: `{"username": ..., "password": ...}` instead of the credentials that are known.

        Raises:
            InvalidReference: not a name.
            NotFound, Unauthorized, Unavailable: as the registry answers.

        Example:
            >>> engine.images.get_registry_data("ubuntu").has_platform("linux/arm64")
            True
        """
        from pallet.sdk.registry_data import RegistryData

        return RegistryData(self._engine, name, auth_config)

    def load(self, data: inputs.Data, *, platform: str | None = None, progress: Progress | None = None) -> list[Image]:
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

    def _unique(self, ids: Iterable[Digest]) -> list[Image]:
        return [Image(self._engine, id) for id in dict.fromkeys(ids)]
