"""What a build is asked for, and what it gives."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from pallet.build.attest.request import Annotation, AttestRequest
from pallet.digest import Digest
from pallet.oci.config import ImageConfig
from pallet.oci.descriptor import Descriptor
from pallet.oci.manifest import Manifest
from pallet.platform import Platform
from pallet.reference import Reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.build.cachespec import CacheFrom, CacheTo


class Secret(msgspec.Struct, frozen=True):
    """A secret that RUN --mount=type=secret may ask for: a file's path, or the value itself."""

    id: str
    path: str = ""
    value: bytes | None = None


class NamedContext(msgspec.Struct, frozen=True):
    """A `--build-context NAME=VALUE`."""

    name: str
    value: str


class Output(msgspec.Struct, frozen=True):
    """Where a build's result goes besides, or instead of, the store.

    Attributes:
        type: `image`: the store; `docker`, `oci`: an archive; `local`: the tree in a directory; `tar`: as a tar.
        dest: the path; `-` for standard output.
    """

    type: Literal["image", "docker", "oci", "local", "tar"]
    dest: str = ""


class BuildOptions(msgspec.Struct, frozen=True):
    """What a build is asked for; the words are docker's flags.

    Attributes:
        tags: the image's names.
        dockerfile: the Dockerfile's path in the context; "" for `Dockerfile`.
        dockerfile_text: the Dockerfile itself, where it does not come from the context.
        ignore_text: its own ignore file, where there is one.
        build_args: values of ARGs.
        target: the stage to build; "" for the last.
        no_cache: no step's result comes from the cache.
        no_cache_filter: the same for the stages of these names.
        pull: base images are asked for in their registries even if they are here.
        platforms: what to build for, each once; none for this machine's.
        cache_from: caches of other builds, the first that has a result counts.
        cache_to: where this build's cache goes besides the store.
        attest: what to attach to the images.
        annotations: of manifests, descriptors and the index.
        labels: go into the config on top of the Dockerfile's.
        network: of RUN: `default`, `bridge`, `host` or `none`.
        extra_hosts: `name:address`, for RUN's /etc/hosts.
        secrets: what RUN --mount=type=secret finds.
        ssh: the id of an SSH agent and its socket, or private keys, separated by commas.
        contexts: named contexts.
        epoch: the time of all that is made, in seconds since 1970; None for the present.
        rewrite_times: files in new layers are no younger than `epoch`.
        squash: the new layers become one.
        outputs: where the result goes; nothing for the store.
        ulimits: `name=soft[:hard]`, of RUN.
        shm_size: bytes of RUN's /dev/shm; 0 for 64 MiB.
        memory: bytes that a RUN may use; 0 for no limit.
        memory_swap: the same with swap; 0 for none, -1 for no limit.
        cpu_shares, cpu_period, cpu_quota, cpuset_cpus, cpuset_mems: docker's limits of processor time.
        cgroup_parent: below which control group RUN runs; "" for pallet's.
        allow: what is allowed that usually is not: `network.host`, `security.insecure`.
    """

    tags: tuple[Reference, ...] = ()
    dockerfile: str = ""
    dockerfile_text: str | None = None
    ignore_text: str | None = None
    build_args: dict[str, str] = {}
    target: str = ""
    no_cache: bool = False
    no_cache_filter: tuple[str, ...] = ()
    pull: bool = False
    platforms: tuple[Platform, ...] = ()
    cache_from: tuple[CacheFrom, ...] = ()
    cache_to: tuple[CacheTo, ...] = ()
    attest: AttestRequest = AttestRequest()
    annotations: tuple[Annotation, ...] = ()
    labels: dict[str, str] = {}
    network: str = "default"
    extra_hosts: tuple[str, ...] = ()
    secrets: tuple[Secret, ...] = ()
    ssh: dict[str, str] = {}
    contexts: tuple[NamedContext, ...] = ()
    epoch: int | None = None
    rewrite_times: bool = False
    squash: bool = False
    outputs: tuple[Output, ...] = ()
    ulimits: tuple[str, ...] = ()
    shm_size: int = 0
    memory: int = 0
    memory_swap: int = 0
    cpu_shares: int = 0
    cpu_period: int = 0
    cpu_quota: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    cgroup_parent: str = ""
    allow: tuple[str, ...] = ()

    @property
    def needs_oci(self) -> bool:
        """Whether manifests have to be of OCI's types: in an index, or with annotations."""
        return len(self.platforms) > 1 or self.attest.wanted or bool(self.annotations)

    @property
    def leaves(self) -> bool:
        """Whether the result leaves the store, or is told of by the digests of its blobs: then these are compressed."""
        outside = any(output.type in ("docker", "oci") for output in self.outputs)
        return self.needs_oci or outside or bool(self.cache_to) or "BUILDKIT_INLINE_CACHE" in self.build_args

    @property
    def clamp(self) -> int | None:
        """The latest time of a file in a new layer, in seconds since 1970, or None."""
        return self.epoch if self.rewrite_times else None


class BuildResult(msgspec.Struct, frozen=True):
    """What a build made.

    Attributes:
        image: the image's id.
        manifest: its manifest.
        config: its config.
        tags: the names it was given.
        executed: how many steps made a layer.
        cached: how many layers came from the cache.
        root: what the names stand for: the manifest, or an index that leads to it.
        provenance: of each platform, if it was asked for.
    """

    image: Digest
    manifest: Manifest
    config: ImageConfig
    tags: tuple[Reference, ...]
    executed: int
    cached: int
    root: Descriptor
    provenance: dict[str, dict[str, Any]] = {}
