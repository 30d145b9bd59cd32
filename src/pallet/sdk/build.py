"""`engine.images.build`, with docker-py's arguments."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from pallet.errors import BuildError, DockerfileError, InvalidInput
from pallet.sdk.arguments import Filters, filter_pairs, joined, reference
from pallet.sdk.image import Image
from pallet.sdk.model import Collection

if TYPE_CHECKING:
    from pallet.build.context import Context
    from pallet.build.events import BuildEvent
    from pallet.sdk.engine import Engine


class BuildLog:
    """Collects what a build prints, and passes events on.

    Args:
        listener: gets each event, or None.

    Attributes:
        messages: docker's JSON objects, one a line.
    """

    def __init__(self, listener: Callable[[BuildEvent], None] | None) -> None:
        self._listener = listener
        self.messages: list[dict[str, Any]] = []

    def __call__(self, event: BuildEvent) -> None:
        """Take an event."""
        if event.kind == "started":
            self._print(event.name)
        elif event.kind == "log":
            for line in event.text.splitlines():
                self._print(line)
        elif event.kind == "cached":
            self._print(f"CACHED {event.name}")
        if self._listener is not None:
            self._listener(event)

    def _print(self, line: str) -> None:
        self.messages.append({"stream": line + "\n"})


class ImageBuilds(Collection):
    """The verbs of `engine.images` that are about builds."""

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
    ) -> tuple[Image, Iterator[dict[str, Any]]]:
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
            The image, and what the build printed, as docker's JSON objects: `{"stream": text}` for each line, and
            `{"aux": {"ID": id}}` at the end.

        Raises:
            BuildError: the Dockerfile is wrong, or one of its instructions failed; it has the lines, and what was
                printed until then.
            InvalidInput, TypeError: an argument is wrong, or missing.

        Example:
            >>> image, log = engine.images.build(path=".", tag="app:1", buildargs={"VERSION": "1"})
            >>> image.tags
            ['app:1']
            >>> for message in log:
            ...     print(message.get("stream", ""), end="")
        """
        from pallet.build.attest.request import parse_attests
        from pallet.build.builder import build
        from pallet.build.cachespec import parse_cache_from
        from pallet.build.options import BuildOptions, NamedContext, Secret
        from pallet.platform import parse as parse_platform

        _refuse(encoding, isolation, use_config_proxy)
        limits = container_limits or {}
        log = BuildLog(progress)
        with _context(self._engine, path, fileobj, custom=custom_context) as context:
            options = BuildOptions(
                tags=tuple(reference(name) for name in ([tag] if isinstance(tag, str) else tag or ())),
                dockerfile=dockerfile or "",
                build_args={name: str(value) for name, value in (buildargs or {}).items()},
                target=target or "",
                no_cache=nocache,
                pull=pull,
                platforms=tuple(parse_platform(name) for name in platform.split(",")) if platform else (),
                cache_from=tuple(parse_cache_from(text) for text in cache_from or ()),
                attest=parse_attests((), "true" if sbom else "", provenance or ""),
                labels=dict(labels or {}),
                network=network_mode or "default",
                extra_hosts=tuple(joined(extra_hosts or ())),
                secrets=tuple(Secret(id, value=value) for id, value in (secrets or {}).items()),
                contexts=tuple(NamedContext(name, value) for name, value in (contexts or {}).items()),
                epoch=source_date_epoch,
                rewrite_times=rewrite_timestamp,
                squash=squash,
                shm_size=shmsize or 0,
                memory=limits.get("memory", 0),
                memory_swap=limits.get("memswap", 0),
                cpu_shares=limits.get("cpushares", 0),
                cpuset_cpus=limits.get("cpusetcpus", ""),
            )
            try:
                result = build(self._engine, context, options, log)
            except DockerfileError as error:
                raise BuildError(error, log.messages) from error
        log.messages.append({"aux": {"ID": result.image}})
        return Image(self._engine, result.image), iter(log.messages)

    def prune_builds(
        self, filters: Filters | None = None, keep_storage: int | None = None, all: bool | None = None
    ) -> dict[str, Any]:
        """Remove results of earlier builds that no image has.

        Args:
            filters: `until`, `unused-for`, `id`, `type`; a value, or a list of them.
            keep_storage: bytes to leave: those used last.
            all: also results whose layers an image has.

        Returns:
            `CachesDeleted`, a list of ids, and `SpaceReclaimed`, bytes.

        Raises:
            InvalidInput: a bad filter.
        """
        from pallet.build.prune import prune_builds

        pruned = prune_builds(
            self._engine, all=bool(all), filters=filter_pairs(filters), keep_storage=keep_storage or 0
        )
        return {"CachesDeleted": [*pruned.removed], "SpaceReclaimed": pruned.reclaimed}


def _refuse(encoding: str | None, isolation: str | None, use_config_proxy: bool) -> None:
    if encoding not in (None, "gzip", "bzip2", "xz", ""):
        raise InvalidInput(f"unsupported encoding: {encoding}")
    if use_config_proxy:
        raise InvalidInput("use_config_proxy is not supported", hint="give proxies as buildargs")
    if isolation not in (None, "", "default"):
        raise InvalidInput("isolation is not supported: it is Windows'")


@contextmanager
def _context(
    engine: Engine, path: str | os.PathLike[str] | None, fileobj: BinaryIO | None, *, custom: bool
) -> Iterator[Context]:
    from pallet.build.context import open_context, stream_context

    snapshots = engine.snapshots
    if fileobj is None and path is None:
        raise TypeError("Either path or fileobj needs to be provided.")
    if fileobj is None:
        assert path is not None
        opened = open_context(snapshots, os.fspath(path), engine.settings.proxies)
    elif custom:
        opened = stream_context(snapshots, fileobj)
    else:
        # docker-py: without custom_context the file is a Dockerfile, and there is no context.
        opened = stream_context(snapshots, io.BytesIO(fileobj.read()))
    with opened as context:
        yield context
