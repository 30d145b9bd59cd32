"""`RUN --mount`: what each mount becomes, and what of it counts for the cache."""

from __future__ import annotations

import os
import posixpath

import msgspec

from pallet.build.cache import Key
from pallet.build.files import Copied, contents_key, gather
from pallet.build.layers import Layer, chain_of, directories
from pallet.build.metadata import working_directory
from pallet.build.shared import Shared
from pallet.build.source import Tree
from pallet.build.state import State
from pallet.build.view import with_views
from pallet.dockerfile.mounts import Mount
from pallet.dockerfile.source import quoted
from pallet.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.build.cachemounts import HeldMount
    from pallet.build.runcommand import LayerMount, SecretMount
    from pallet.build.runspec import Bind, Tmpfs

_CACHE_MODE = 0o755
_SECRET_MODE = 0o400
_AGENT = "/run/buildkit/ssh_agent.{}"


class MountSource(msgspec.Struct, frozen=True):
    """What a mount's `from` names.

    Attributes:
        layer: the uppermost layer of a stage or image.
        staged: whether it is one, if empty.
        context: the name of a context, "" for the main one.
    """

    layer: Layer | None = None
    staged: bool = False
    context: str = ""


class RunMounts:
    """The mounts of one RUN; close it when the RUN is over.

    Args:
        shared: the build's parts.
        state: the stage.
        mounts: expanded.
        sources: what each mount's `from` names.
    """

    def __init__(self, shared: Shared, state: State, mounts: tuple[Mount, ...], sources: list[MountSource]) -> None:
        self._shared = shared
        self._state = state
        self._mounts = list(zip(mounts, sources, strict=True))
        self._held: list[HeldMount] = []
        self.env: list[str] = []

    def close(self) -> None:
        """Let go of cache directories."""
        held, self._held = self._held, []
        for each in held:
            each.close()

    def key(self) -> Key:
        """What counts for the cache: what can be seen through the mounts, but for caches, secrets and agents."""
        return Key(self._parts, self._ready)

    def prepare(self) -> list[LayerMount | SecretMount | Bind | Tmpfs]:
        """Have everything that is mounted.

        Raises:
            InvalidInput: a secret or agent that is required and not there; a source that is not there.
            HostError: the machine is at fault.
        """
        from pallet.build.runspec import Tmpfs

        found: list[LayerMount | SecretMount | Bind | Tmpfs] = []
        agents = 0
        for mount, source in self._mounts:
            if mount.type == "bind":
                found.append(self._bind(mount, source))
            elif mount.type == "cache":
                found.append(self._cache(mount, source))
            elif mount.type == "tmpfs":
                found.append(Tmpfs(self._target(mount), mount.size))
            elif mount.type == "secret":
                found += self._secret(mount)
            else:
                found += self._agent(mount, agents)
                agents += 1
        return found

    def _target(self, mount: Mount) -> str:
        if not mount.target:
            raise InvalidInput(f"{mount.type} mount requires a target")
        target = working_directory(self._state, mount.target)
        if target == "/":
            raise InvalidInput(f"invalid mount target {quoted(mount.target)}")
        return target

    def _ready(self) -> bool:
        return all(source.layer is None or source.layer.known for _, source in self._mounts)

    def _parts(self) -> list[bytes]:
        parts: list[bytes] = []
        for mount, source in self._mounts:
            plain = msgspec.structs.replace(mount, source_stage="")
            parts.append(msgspec.json.encode(plain))
            if mount.type == "bind":
                if source.staged:
                    parts.append(chain_of(source.layer).encode())
                else:
                    tree = self._shared.tree_of(source.context)
                    gathered = gather([Copied(tree, mount.source or "/")], "/", parents=False, exclude=())
                    parts += contents_key(gathered, self._shared.engine.store.build_cache)
        return parts

    def _bind(self, mount: Mount, source: MountSource) -> LayerMount:
        from pallet.build.copytree import copy_tree
        from pallet.build.runcommand import LayerMount

        target = self._target(mount)
        path = posixpath.normpath("/" + mount.source).lstrip("/")
        if source.staged:
            return LayerMount(tuple(directories(source.layer)), path, target, mount.readonly)
        # A copy: what the ignore rules leave out must not show, and owners of the user's machine mean nothing.
        tree = self._shared.tree_of(source.context)
        real = tree.resolve(path)
        directory = self._shared.copy_of(source.context, real, lambda place: copy_tree(tree, real, place))
        inner = "" if tree.entry(real).is_directory else posixpath.basename(real)
        return LayerMount((directory,), inner, target, mount.readonly)

    def _cache(self, mount: Mount, source: MountSource) -> Bind:
        from pallet.build.cachemounts import take
        from pallet.build.runspec import Bind

        target = self._target(mount)
        id = f"{mount.id or target}\0{mount.source}\0{chain_of(source.layer)}\0{source.context}"
        if (mount.mode, mount.uid, mount.gid) != (None, None, None):
            id += f"\0{mount.mode}:{mount.uid}:{mount.gid}"  # with BuildKit, too, another one begins otherwise
        waiting = self._shared.cancel.check
        root, sharing = self._shared.engine.settings.root, mount.sharing or "shared"
        held = take(root, id, sharing, lambda place: self._fill(mount, source, place), waiting)
        self._held.append(held)
        return Bind(held.path, target, mount.readonly)

    def _fill(self, mount: Mount, source: MountSource, place: str) -> None:
        """Begin a cache directory: with what `from` has at `source`; mode and owner count for an empty one."""
        path = posixpath.normpath("/" + mount.source).lstrip("/")
        if not mount.source_stage:
            os.chown(place, mount.uid or 0, mount.gid or 0)
            os.chmod(place, _CACHE_MODE if mount.mode is None else mount.mode)
        elif source.staged:
            if source.layer is not None:
                scratch = self._shared.staging().path
                with_views(
                    scratch,
                    [directories(source.layer)],
                    lambda roots: _copied(Tree(roots[0], keeps_owners=True), path, place),
                )
        else:
            _copied(self._shared.tree_of(source.context), path, place)

    def _secret(self, mount: Mount) -> list[SecretMount]:
        from pallet.build.runcommand import SecretMount

        id = mount.known_as
        secret = next((each for each in self._shared.options.secrets if each.id == id), None)
        if secret is None:
            if mount.required:
                raise InvalidInput(f"secret {id}: not found")
            return []
        content = secret.value if secret.value is not None else _read(secret.path)
        if mount.env is not None:
            self.env.append(f"{mount.env or id}={content.decode('utf-8', 'surrogateescape')}")
            if not mount.target:
                return []
        target = working_directory(self._state, mount.target or f"/run/secrets/{posixpath.basename(id)}")
        mode = _SECRET_MODE if mount.mode is None else mount.mode
        return [SecretMount(content, target, mode, mount.uid or 0, mount.gid or 0)]

    def _agent(self, mount: Mount, number: int) -> list[Bind]:
        from pallet.build.runspec import Bind

        id = mount.known_as
        socket = self._shared.agents.get(id)
        if socket is None:
            if mount.required:
                raise InvalidInput(f'no SSH key "{id}" forwarded from the client')
            return []
        target = working_directory(self._state, mount.target) if mount.target else _AGENT.format(number)
        self.env.append(f"SSH_AUTH_SOCK={target}")
        return [Bind(socket, target, readonly=False)]


def _copied(tree: Tree, path: str, place: str) -> None:
    from pallet.build.copytree import copy_tree

    real = tree.resolve(path)
    if not tree.entry(real).is_directory:
        raise InvalidInput(f"cache mount: /{path} is not a directory")
    copy_tree(tree, real, place)


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise InvalidInput(f"failed to read secret {path}: {error.strerror}") from error
