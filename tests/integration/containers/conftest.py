"""A pallet whose store holds busybox as `box`."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.pallet import PalletCLI


@pytest.fixture
def box(pallet: PalletCLI, busybox_tar: Path) -> PalletCLI:
    """pallet with the image `box`."""
    pallet.ok("import", str(busybox_tar), "box")
    return pallet
