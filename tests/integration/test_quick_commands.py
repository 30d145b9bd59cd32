"""What commands that only show or remove something load: nothing of msgspec, typing, re and the like."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from tests.support import images
from tests.support.pallet import PalletCLI

pytestmark = pytest.mark.root

HEAVY = {
    *(
        "argparse",
        "asyncio",
        "dataclasses",
        "enum",
        "importlib.metadata",
        "inspect",
        "json",
        "msgspec",
        "pathlib",
        "re",
    ),
    *("shutil", "subprocess", "tarfile", "tempfile", "textwrap", "typing", "urllib3", "pallet.gotemplate"),
}
_SCRIPT = """
import sys
before = set(sys.modules)
from pallet.cli.main import main
code = main(sys.argv[1:])
print("\\n@", *(set(sys.modules) - before))
sys.exit(code)
"""


@pytest.fixture(scope="module")
def pallet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PalletCLI]:
    pallet = PalletCLI(tmp_path_factory.mktemp("quick"))
    tar = images.tar([images.entry("file", b"content")])
    pallet.ok("import", "-c", "LABEL a=b", "-", "app", stdin=tar)
    pallet.ok("create", "--name", "idle", "app", "/none")
    pallet.ok("volume", "create", "--label", "a=b", "data")
    yield pallet
    pallet.close()


@pytest.mark.parametrize(
    "line",
    [
        *("image ls", "image inspect app", "history app", "tag app app:two", "rmi app:two", "ps -a", "port idle"),
        *("volume ls", "volume create", "volume inspect data", "inspect --type volume data", "network ls"),
    ],
)
def test_nothing_slow_is_loaded(line: str, pallet: PalletCLI) -> None:
    assert sorted(HEAVY & _loaded(line, pallet)) == []


def test_a_template_loads_templates_alone(pallet: PalletCLI) -> None:
    assert sorted(HEAVY & _loaded("image inspect -f {{.Config.Labels}} app", pallet)) == ["pallet.gotemplate"]


def _loaded(line: str, pallet: PalletCLI) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, *line.split()], env=pallet.env, capture_output=True, text=True, check=True
    )
    added = set(done.stdout.rpartition("@")[2].split())
    assert "pallet.cli.main" in added
    return added
