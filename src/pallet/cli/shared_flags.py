"""Flags that several commands have."""

from __future__ import annotations

from pallet.cli.command import Flag

DETACH_KEYS = Flag(
    "detach-keys",
    kind="string",
    config="detachKeys",
    help="Override the key sequence for detaching a container",
)
PLATFORM = Flag(
    "platform",
    kind="string",
    variable="DOCKER_DEFAULT_PLATFORM",
    help="Set platform if server is multi-platform capable",
)
