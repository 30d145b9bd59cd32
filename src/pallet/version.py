"""The versions of pallet, and nothing else, so that the build can read this file."""

from __future__ import annotations

__version__ = "0.1.0"

DOCKER_VERSION = "20.10.24"
"""The docker release whose behaviour pallet follows; recorded where images name the engine that made them."""
