"""`engine.images.build`, with docker-py's arguments."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from pallet.errors import InvalidInput
from pallet.sdk.arguments import reference
from pallet.sdk.image import Image

if TYPE_CHECKING:
    from pallet.build.context import Context
    from pallet.build.events import BuildEvent
    from pallet.build.options import BuildOptions
    from pallet.sdk.engine import Engine


class BuildLog:
    """Collects what a build prints, and passes events on.

    Args:
        listener: gets each event, or None.
    """

    def __init__(self, listener: object) -> None:
        self._listener = listener
        self.lines: list[str] = []

    def __call__(self, event: BuildEvent) -> None:
        """Take an event."""
        if event.kind == "started":
            self.lines.append(event.name)
        elif event.kind == "log":
            self.lines += event.text.splitlines()
        elif event.kind == "cached":
            self.lines.append(f"CACHED {event.name}")
        if callable(self._listener):
            self._listener(event)


def build_image(
    engine: Engine, path: str | os.PathLike[str] | None, fileobj: BinaryIO | None, **words: Any
) -> tuple[Image, list[str]]:
    """Build; see `Images.build`."""
    from pallet.build.builder import build

    log = BuildLog(words.pop("progress", None))
    custom = bool(words.pop("custom_context", False))
    encoding = words.pop("encoding", None)
    if encoding not in (None, "gzip", "bzip2", "xz", ""):
        raise InvalidInput(f"unsupported encoding: {encoding}")
    if words.pop("use_config_proxy", False):
        raise InvalidInput("use_config_proxy is not supported", hint="give proxies as buildargs")
    if words.pop("isolation", None) not in (None, "", "default"):
        raise InvalidInput("isolation is not supported: it is Windows'")
    with _context(engine, path, fileobj, custom=custom) as context:
        options = _options(words, path)
        result = build(engine, context, options, log)
    return Image(engine, result.image), log.lines


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


def _options(words: dict[str, Any], path: object) -> BuildOptions:
    from pallet.build.attest.request import parse_attests
    from pallet.build.cachespec import parse_cache_from, parse_cache_to
    from pallet.build.options import BuildOptions, NamedContext, Secret
    from pallet.platform import parse as parse_platform

    tag = words.pop("tag", None)
    tags = [tag] if isinstance(tag, str) else list(tag or ())
    platform = words.pop("platform", None)
    limits: Mapping[str, Any] = words.pop("container_limits", None) or {}
    hosts = words.pop("extra_hosts", None) or ()
    if isinstance(hosts, Mapping):
        hosts = [f"{name}:{address}" for name, address in hosts.items()]
    secrets: Mapping[str, bytes] = words.pop("secrets", None) or {}
    contexts: Mapping[str, str] = words.pop("contexts", None) or {}
    return BuildOptions(
        tags=tuple(reference(name) for name in tags),
        dockerfile=words.pop("dockerfile", None) or "",
        build_args={name: str(value) for name, value in (words.pop("buildargs", None) or {}).items()},
        target=words.pop("target", None) or "",
        no_cache=bool(words.pop("nocache", False)),
        pull=bool(words.pop("pull", False)),
        platforms=tuple(parse_platform(name) for name in platform.split(",")) if platform else (),
        cache_from=tuple(parse_cache_from(text) for text in words.pop("cache_from", None) or ()),
        cache_to=tuple(parse_cache_to(text) for text in words.pop("cache_to", None) or ()),
        attest=parse_attests((), "true" if words.pop("sbom", False) else "", words.pop("provenance", None) or ""),
        labels=dict(words.pop("labels", None) or {}),
        network=words.pop("network_mode", None) or "default",
        extra_hosts=tuple(hosts),
        secrets=tuple(Secret(id, value=value) for id, value in secrets.items()),
        contexts=tuple(NamedContext(name, value) for name, value in contexts.items()),
        epoch=words.pop("source_date_epoch", None),
        rewrite_times=bool(words.pop("rewrite_timestamp", False)),
        squash=bool(words.pop("squash", False)),
        shm_size=words.pop("shmsize", None) or 0,
        memory=limits.get("memory", 0),
        memory_swap=limits.get("memswap", 0),
        cpu_shares=limits.get("cpushares", 0),
        cpuset_cpus=limits.get("cpusetcpus", ""),
    )
