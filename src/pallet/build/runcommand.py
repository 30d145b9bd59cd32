"""What a RUN is, for the sandbox that runs it."""

from __future__ import annotations

import msgspec

from pallet.build.runspec import Bind, Limits, Tmpfs


class LayerMount(msgspec.Struct, frozen=True):
    """A path of other layers, or of a plain directory, that appears in the root.

    Attributes:
        layers: the directories of the layers, top first.
        path: what in there; symlinks are followed inside.
        target: where it appears.
        readonly: whether writes are refused; if not, they are thrown away.
    """

    layers: tuple[str, ...]
    path: str
    target: str
    readonly: bool = True


class SecretMount(msgspec.Struct, frozen=True):
    """A file that is in memory only."""

    content: bytes
    target: str
    mode: int
    uid: int
    gid: int


class Command(msgspec.Struct, frozen=True):
    """What to run, and around it.

    Attributes:
        args: the command.
        env: `NAME=value`; HOME is added if it is not there.
        cwd: the working directory, made if it is not there.
        user: docker's `user[:group]`.
        network: `host`, `none`, or `bridge`.
        namespace: the network namespace, open, for `bridge`.
        files: path and text of files that appear, read-only: /etc/hosts and the like.
        mounts: what else appears.
    """

    args: tuple[str, ...]
    env: tuple[str, ...]
    cwd: str
    user: str
    network: str
    namespace: int = -1
    files: tuple[tuple[str, str], ...] = ()
    mounts: tuple[LayerMount | SecretMount | Bind | Tmpfs, ...] = ()
    limits: Limits = Limits()
    insecure: bool = False
