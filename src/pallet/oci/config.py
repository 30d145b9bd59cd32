"""Image configs: how to run the image, and how it was made.

Source: OCI image spec 1.1, config.md; docker's additions (moby, image/spec and api/types/container.Config).
"""

from __future__ import annotations

from typing import Any

import msgspec

from pallet.digest import Digest
from pallet.oci.codec import decode, to_json_object
from pallet.oci.docker_config import docker_config
from pallet.platform import Platform


class Healthcheck(msgspec.Struct, frozen=True, omit_defaults=True, rename="pascal"):
    """How to ask a container whether it is well; times in nanoseconds."""

    test: tuple[str, ...] | None = None
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0


class ContainerConfig(msgspec.Struct, frozen=True, rename="pascal"):
    """How to run a container, in docker's key order; also the `config` of an image."""

    hostname: str = ""
    domainname: str = ""
    user: str = ""
    attach_stdin: bool = False
    attach_stdout: bool = False
    attach_stderr: bool = False
    exposed_ports: dict[str, Any] | None = None
    tty: bool = False
    open_stdin: bool = False
    stdin_once: bool = False
    env: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    healthcheck: Healthcheck | None = None
    args_escaped: bool = False
    image: str = ""
    volumes: dict[str, Any] | None = None
    working_dir: str = ""
    entrypoint: tuple[str, ...] | None = None
    network_disabled: bool = False
    mac_address: str = ""
    on_build: tuple[str, ...] | None = None
    labels: dict[str, str] | None = None
    stop_signal: str = ""
    stop_timeout: int | None = None
    shell: tuple[str, ...] | None = None

    def to_docker(self) -> dict[str, Any]:
        """The JSON object docker writes for this config: its key order, and its rule of what is left out when empty."""
        return docker_config(to_json_object(self))


class RootFS(msgspec.Struct, frozen=True):
    """The layers by the digests of their uncompressed tars, bottom first."""

    type: str = "layers"
    diff_ids: tuple[Digest, ...] | None = None


class History(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step in the making of an image."""

    created: str = ""
    created_by: str = ""
    author: str = ""
    comment: str = ""
    empty_layer: bool = False


class _Document(msgspec.Struct, frozen=True):
    architecture: str = ""
    os: str = ""
    variant: str = ""
    os_version: str = msgspec.field(default="", name="os.version")
    created: str | None = None
    author: str = ""
    comment: str = ""
    container: str = ""
    docker_version: str = ""
    parent: str = ""
    config: ContainerConfig | None = None
    container_config: ContainerConfig | None = None
    rootfs: RootFS | None = None
    history: tuple[History, ...] | None = None


class ImageConfig(msgspec.Struct, frozen=True):
    """An image's config, with the bytes it was read from. Its digest is the image's id."""

    raw: bytes
    created: str | None
    author: str
    comment: str
    container: str
    docker_version: str
    platform: Platform
    config: ContainerConfig | None
    container_config: ContainerConfig | None
    diff_ids: tuple[Digest, ...]
    history: tuple[History, ...]

    @property
    def id(self) -> Digest:
        """The image's id: the digest of the raw bytes."""
        return Digest.of(self.raw)


def parse_config(raw: bytes) -> ImageConfig:
    """Parse an image config.

    Raises:
        InvalidInput: not an image config.
    """
    document = decode(raw, _Document, "the image config")
    rootfs = document.rootfs or RootFS()
    return ImageConfig(
        raw=raw,
        created=document.created,
        author=document.author,
        comment=document.comment,
        container=document.container,
        docker_version=document.docker_version,
        platform=Platform(document.architecture, document.os, document.variant, document.os_version),
        config=document.config,
        container_config=document.container_config,
        diff_ids=rootfs.diff_ids or (),
        history=document.history or (),
    )
