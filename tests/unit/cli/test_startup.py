"""Start-up is a feature: what the quick path must not import."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

HEAVY = {
    *("argparse", "asyncio", "contextlib", "dataclasses", "enum", "functools", "importlib", "inspect", "json"),
    *("msgspec", "pathlib", "re", "shutil", "subprocess", "tempfile", "textwrap", "typing", "urllib3"),
    "pallet.gotemplate",
}
DEFAULT_TABLE = (
    "print_rows(Context(sys.stdin, sys.stdout, sys.stderr, {}), [], template='', columns=['A'], headers={'A': 'A'})"
)
IMAGE_LS = pytest.param(
    "main(['image', 'ls', '--help'])",
    marks=pytest.mark.skipif(find_spec("pallet.cli.image.ls") is None, reason="no such command yet"),
)


@pytest.mark.parametrize(
    "code",
    [
        "main(['--help'])",
        "main(['image'])",
        "main(['version', '--help'])",
        "main(['completion', 'bash'])",
        "main(['__complete', '--', 'image', ''])",
        "main(['foo'])",
        DEFAULT_TABLE,
        IMAGE_LS,
    ],
)
def test_nothing_slow_is_imported(code: str) -> None:
    # An editable install's .pth may have imported something before the first line: only what pallet adds counts.
    script = (
        "import sys\nbefore = set(sys.modules)\n"
        "from pallet.cli.main import main\n"
        "from pallet.cli.context import Context\nfrom pallet.cli.format import print_rows\n"
        f"{code}\nprint('\\n@', *(set(sys.modules) - before))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30)
    added = done.stdout.rpartition("@")[2].split()
    assert "pallet.cli.main" in added
    assert sorted(HEAVY & set(added)) == []
