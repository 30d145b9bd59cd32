"""Root file systems to make images from; scripts/rootfs.sh makes each once and keeps it in .cache/."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support import REPOSITORY, need
from tests.support.session import Session


def debian(session: Session) -> Path:
    """The tar of a real Debian or Ubuntu (debootstrap's minbase of this machine's release), some 130 to 200 MB."""
    need("debootstrap")
    return _made(session.on_host_network(["sh", str(REPOSITORY / "scripts/rootfs.sh"), "debian"]))


def python(session: Session) -> Path:
    """The tar of the same system with Python, a runtime and conmon; some 300 MB."""
    need("debootstrap")
    return _made(session.on_host_network(["sh", str(REPOSITORY / "scripts/rootfs.sh"), "python"]))


def busybox() -> Path:
    """The tar of a small system: busybox-static with its applets, /etc/passwd and group, /tmp, /www/index.html."""
    need("busybox")
    return _made(["sh", str(REPOSITORY / "scripts/rootfs.sh"), "busybox"])


def _made(command: list[str]) -> Path:
    done = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return Path(done.stdout.strip())
