"""urllib3 costs some 60 ms to import: only a connection may do it."""

from __future__ import annotations

import subprocess
import sys

MODULES = "client configuration credentials endpoint source sink tags login upload download transport auth failure"


def test_no_connection_no_urllib3() -> None:
    imports = "; ".join(f"import pallet.registry.{name}" for name in MODULES.split())
    code = f"import sys; {imports}; print([m for m in ('urllib3', 'ssl', 'http.client') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
