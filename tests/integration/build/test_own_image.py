"""The Dockerfile at the repository's top: pallet builds its own image, which runs pallet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.support import REPOSITORY, rootfs
from tests.support.pallet import PalletCLI
from tests.support.session import Session

_WHEELS = ("msgspec>=0.18", "urllib3>=2.0", "isal>=1.6", "zstandard>=0.22", "hatchling>=1.18")


@pytest.fixture(scope="module")
def wheels(session: Session, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pip needs for pallet, fetched with this machine's own configuration."""
    place = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--wheel-dir", str(place), *_WHEELS]
    done = subprocess.run(session.on_host_network(command), check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return place


def test_pallet_builds_its_own_image(pallet: PalletCLI, session: Session, wheels: Path) -> None:
    pallet.ok("import", str(rootfs.python(session)), "base")
    args = ("--build-arg", "BASE=base", "--build-arg", "PIP_NO_INDEX=1", "--build-context", f"wheels={wheels}")
    done = pallet("build", "--network", "none", *args, "-t", "pallet", "--sbom", "true", str(REPOSITORY))
    assert done.code == 0, done.stderr
    version = pallet.ok("version", "--format", "{{.Client.Version}}")
    told = pallet.ok("run", "--rm", "--network", "none", "pallet", "--version")
    assert version in told
    inside = pallet.ok("run", "--rm", "--privileged", "--network", "none", "pallet", "image", "ls")
    assert inside.split() == ["REPOSITORY", "TAG", "IMAGE", "ID", "CREATED", "SIZE"]
    layers = pallet.ok("image", "inspect", "--format", "{{ len .RootFS.Layers }}", "pallet")
    assert layers == "3"  # the base, an apt that had nothing to do, and pallet
