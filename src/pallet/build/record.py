"""What is remembered of each step, for whoever wants to know later how an image was made."""

from __future__ import annotations

import msgspec

from pallet.build.layers import Layer
from pallet.dockerfile.instructions import Instruction
from pallet.oci.config import ContainerConfig
from pallet.platform import Platform


class StepRecord(msgspec.Struct, frozen=True):
    """One step that made a layer, or found it.

    Attributes:
        stage: the stage's index.
        place: which of the stage's steps, from 0.
        instruction: expanded.
        text: what the history says.
        args: the command of a RUN.
        env: its variables.
        config: the stage's config before the step.
        platform: what the stage is for.
        layer: what came of it.
    """

    stage: int
    place: int
    instruction: Instruction
    text: str
    args: tuple[str, ...]
    env: tuple[str, ...]
    config: ContainerConfig
    platform: Platform
    layer: Layer
