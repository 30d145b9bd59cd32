"""A stage on its way: its layers, its config, its history, its variables."""

from __future__ import annotations

import msgspec

from pallet.build.layers import Layer
from pallet.dockerfile.scope import Scope
from pallet.oci.config import ContainerConfig, History, ImageConfig
from pallet.ops.times import rfc3339_nano
from pallet.platform import Platform
from pallet.runtime import defaults

COMMENT = "buildkit.dockerfile.v0"
"""What docker's own builder writes beside each step."""
_SECOND = 1_000_000_000


class State:
    """What a stage has come to; one thread changes it.

    Args:
        top: the uppermost layer, or None.
        config: how to run it.
        platform: what it runs on.
        scope: the variables.
        time: of the last change, in nanoseconds since 1970; what only changes the config has the time of the layer
            below, so that a build whose layers are all found gives the same image again.
    """

    def __init__(self, top: Layer | None, config: ContainerConfig, platform: Platform, scope: Scope, time: int) -> None:
        self.top = top
        self.config = config
        self.platform = platform
        self.scope = scope
        self.time = time
        self.history: list[History] = []
        self.author = ""
        self.base_layers = 0  # how many layers came with it
        self.command_set = False  # by this stage
        self.step = 0  # the number of the one that came last, of those that are told of

    def child(self) -> State:
        """The beginning of a stage that is FROM this one."""
        state = State(self.top, self.config, self.platform, self.scope.child(), self.time)
        state.history = list(self.history)
        state.author = self.author
        state.base_layers = self.base_layers
        state.step = self.step
        return state

    def change(self, **fields: object) -> None:
        """Replace fields of the config."""
        self.config = msgspec.structs.replace(self.config, **fields)

    def commit(self, created_by: str, epoch: int | None, *, layer: bool = False) -> None:
        """Add to the history.

        Args:
            created_by: what was done.
            epoch: when, in seconds since 1970; None for when the layer was made.
            layer: whether it made a layer.
        """
        if epoch is not None:
            self.time = epoch * _SECOND
        elif layer and self.top is not None:
            self.time = self.top.created
        created = rfc3339_nano(self.time)
        self.history.append(History(created=created, created_by=created_by, comment=COMMENT, empty_layer=not layer))


def empty_state(platform: Platform, scope: Scope, time: int) -> State:
    """FROM scratch."""
    return State(None, ContainerConfig(env=(defaults.PATH,), working_dir="/"), platform, scope, time)


def base_config(image: ImageConfig) -> ContainerConfig:
    """The part of a base image's config that builds on it keep, with a PATH."""
    old = image.config or ContainerConfig()
    env = old.env or ()
    if not any(word.startswith("PATH=") for word in env):
        env = (*env, defaults.PATH)
    return ContainerConfig(
        user=old.user,
        exposed_ports=old.exposed_ports,
        env=env,
        cmd=old.cmd,
        healthcheck=old.healthcheck,
        args_escaped=old.args_escaped,
        volumes=old.volumes,
        working_dir=old.working_dir,
        entrypoint=old.entrypoint,
        on_build=old.on_build,
        labels=old.labels,
        stop_signal=old.stop_signal,
        stop_timeout=old.stop_timeout,
        shell=old.shell,
    )


def variables_of(config: ContainerConfig) -> dict[str, str]:
    """A config's environment, by name."""
    found: dict[str, str] = {}
    for word in config.env or ():
        name, _, value = word.partition("=")
        found[name] = value
    return found
