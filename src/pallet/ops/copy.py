"""The one copy: from any image source to any image sink.

Pull, push, load and save are this function between different ends. Blobs travel side by side; the first failure stops
the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from threading import Event as Flag

import msgspec

from pallet.content import CONFIG_LIMIT, MANIFEST_LIMIT, ImageSink, ImageSource, Stopped
from pallet.errors import Integrity, Unsupported
from pallet.oci import media
from pallet.oci.config import ImageConfig, parse_config
from pallet.oci.descriptor import Descriptor
from pallet.oci.index import parse_index
from pallet.oci.manifest import Manifest, parse_manifest
from pallet.platform import Platform, host
from pallet.progress import Event, Progress

_REPORT_EVERY = 0.1  # seconds between two reports on one blob


class ResolvedImage(msgspec.Struct, frozen=True):
    """What a source's name stands for on one platform.

    Attributes:
        root: the manifest or index that has the name.
        manifest: the manifest for the platform; the root itself if that is no index.
    """

    root: Descriptor
    manifest: Manifest


def resolve_image(source: ImageSource, platform: Platform | None = None) -> ResolvedImage:
    """Follow a source's name to one image's manifest.

    Args:
        source: where the image is.
        platform: which manifest of an index is wanted; None for this machine's.

    Raises:
        NotFound: no such image, or none for this platform.
        Unsupported: not an image manifest.
        Integrity: bytes do not match their digest.
    """
    root = source.root()
    raw = source.read_manifest(_limited(root, MANIFEST_LIMIT))
    if not media.is_index(root.media_type):
        return ResolvedImage(root, parse_manifest(raw, root.media_type))
    chosen = parse_index(raw, root.media_type).choose(platform or host())
    if media.is_index(chosen.media_type):
        raise Unsupported("the image index lists another index for this platform")
    raw = source.read_manifest(_limited(chosen, MANIFEST_LIMIT))
    return ResolvedImage(root, parse_manifest(raw, chosen.media_type))


def read_config(source: ImageSource, manifest: Manifest) -> ImageConfig:
    """Read the image config that a manifest names.

    Raises:
        Unsupported: the manifest is of something else than a container image.
        Integrity: the config does not fit the manifest's layers, or its digest.
    """
    for layer in manifest.layers:
        if not media.is_layer(layer.media_type):
            raise Unsupported(f"unsupported layer media type {layer.media_type}: not a container image")
    config = parse_config(source.read_manifest(_limited(manifest.config, CONFIG_LIMIT)))
    if len(config.diff_ids) != len(manifest.layers):
        raise Integrity(f"the image config lists {len(config.diff_ids)} layers, its manifest {len(manifest.layers)}")
    return config


def copy_blobs(
    source: ImageSource,
    sink: ImageSink,
    blobs: Iterable[Descriptor],
    *,
    words: Words,
    progress: Progress,
    name: Callable[[Descriptor], str] = lambda blob: blob.digest.short,
    outcome: Callable[[Descriptor], str] | None = None,
    interrupt: Callable[[], None] = lambda: None,
) -> None:
    """Move blobs from `source` to `sink`, as many at a time as the sink takes, skipping what it has.

    Args:
        source: where they are.
        sink: where they go.
        blobs: what to move; each digest once.
        words: docker's words for the steps of one blob.
        progress: told of each step.
        name: what to call a blob in the reports.
        outcome: says how a blob was moved, where `words` cannot know it.
        interrupt: called when the transfers that are still under way shall not wait for a network any longer.

    Raises:
        PalletError: the first failure; the others are stopped.
    """
    stop = Flag()
    wanted = list({blob.digest: blob for blob in blobs}.values())

    def move(blob: Descriptor) -> None:
        id = name(blob)
        if sink.has_blob(blob):
            if words.present:
                progress(Event(words.present, id))
            return
        if stop.is_set():
            raise Stopped
        progress(Event(words.moving, id, 0, blob.size))
        sink.put_blob(blob, source, _reporter(words.moving, id, blob.size, stop, progress))
        for status in (outcome(blob),) if outcome else words.moved:
            progress(Event(status, id))

    for blob in wanted:
        if words.begin:
            progress(Event(words.begin, name(blob)))
    if sink.parallel == 1 or len(wanted) <= 1:
        for blob in wanted:
            move(blob)
        return
    from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

    def end() -> None:
        stop.set()
        interrupt()
        pool.shutdown(wait=True, cancel_futures=True)

    with ThreadPoolExecutor(max_workers=sink.parallel) as pool:
        # The largest first: begun last, it would go on alone when the others are done.
        futures = [pool.submit(move, blob) for blob in sorted(wanted, key=lambda blob: -blob.size)]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        except BaseException:
            end()
            raise
        failures = [error for future in done if (error := future.exception())]
        if failures:
            end()
            raise next((error for error in failures if not isinstance(error, Stopped)), failures[0])


class Words(msgspec.Struct, frozen=True):
    """Docker's words for the steps that one blob goes through."""

    begin: str
    moving: str
    moved: tuple[str, ...]
    present: str


def _reporter(status: str, id: str, total: int, stop: Flag, progress: Progress) -> Callable[[int], None]:
    """A counter of bytes that reports now and then, and stops the transfer when it should stop."""
    count = 0
    reported = time.monotonic()

    def advance(size: int) -> None:
        nonlocal count, reported
        if stop.is_set():
            raise Stopped
        count += size
        now = time.monotonic()
        if now - reported >= _REPORT_EVERY:
            reported = now
            progress(Event(status, id, count, total))

    return advance


def _limited(descriptor: Descriptor, limit: int) -> Descriptor:
    if descriptor.size > limit:
        raise Integrity(f"{descriptor.digest}: {descriptor.size} bytes is more than the {limit} allowed for a manifest")
    return descriptor
