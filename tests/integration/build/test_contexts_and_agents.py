"""Named contexts of every kind, and SSH agents in RUN."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import need
from tests.support.pallet import PalletCLI

USES = """FROM {name} AS base
FROM box
COPY --from={name} /f /copied
RUN --mount=from={name},target=/m cat /m/f > /mounted
COPY --from=base /f /from
"""


@pytest.fixture
def box(pallet: PalletCLI, busybox_tar: Path) -> PalletCLI:
    pallet.ok("import", str(busybox_tar), "box")
    return pallet


@pytest.fixture
def place(box: PalletCLI, tmp_path: Path) -> Path:
    """A folder with a file, an image `other` and an OCI layout with the same file."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files/f").write_text("text\n")
    (tmp_path / "files/Dockerfile").write_text("FROM scratch\nCOPY f /f\n")
    words = ("-t", "other", "-o", "type=image", "-o", f"type=oci,dest={tmp_path}/oci.tar")
    box.ok("build", *words, str(tmp_path / "files"))
    (tmp_path / "layout").mkdir()
    subprocess.run(["tar", "-C", str(tmp_path / "layout"), "-xf", str(tmp_path / "oci.tar")], check=True)
    return tmp_path


@pytest.mark.parametrize(
    "value", ["files", "oci-layout://{}/layout", "oci-layout://{}/layout:latest", "docker-image://other"]
)
def test_named_contexts(box: PalletCLI, place: Path, value: str) -> None:
    (place / "Dockerfile").write_text(USES.format(name="named"))
    where = f"named={place}/files" if value == "files" else f"named={value.format(place)}"
    words = ("-t", "made", "-f", str(place / "Dockerfile"), "--build-context", where)
    box.ok("build", *words, str(place / "files"))
    read = box.ok("run", "--rm", "--network", "none", "made", "cat", "/copied", "/mounted", "/from")
    assert read == "text\ntext\ntext"


def test_a_layout_without_the_image(box: PalletCLI, place: Path) -> None:
    (place / "Dockerfile").write_text("FROM named\n")
    for value, said in ((f"{place}/layout:none", "has no image none"), (f"{place}/files", "is no OCI layout")):
        words = ("-f", str(place / "Dockerfile"), "--build-context", f"named=oci-layout://{value}")
        done = box("build", *words, str(place / "files"))
        assert done.code == 1
        assert said in done.stderr
        assert "Traceback" not in done.stderr


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """An agent's socket, and a key that it has."""
    key, socket = tmp_path / "key", str(tmp_path / "agent")
    subprocess.run([need("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    running = subprocess.Popen(
        [need("ssh-agent"), "-D", "-a", socket], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert running.stdout is not None
        running.stdout.readline()
        subprocess.run([need("ssh-add"), "-q", str(key)], check=True, env={"SSH_AUTH_SOCK": socket})
        yield socket, key
    finally:
        running.terminate()
        running.wait()


def test_an_agent_is_there_during_the_run_alone(box: PalletCLI, place: Path, agent: tuple[str, Path]) -> None:
    socket, _ = agent
    text = "FROM box\nRUN --mount=type=ssh test -S $SSH_AUTH_SOCK && ls -n $SSH_AUTH_SOCK | cut -c1 > /kind\n"
    text += "RUN --mount=type=ssh,id=other,target=/a test -S /a && echo $SSH_AUTH_SOCK > /where\n"
    text += 'RUN test -z "$SSH_AUTH_SOCK" && ! test -e /a\n'
    (place / "files/Dockerfile").write_text(text)
    box.ok("build", "-t", "made", "--ssh", f"default={socket}", "--ssh", f"other={socket}", str(place / "files"))
    assert box.ok("run", "--rm", "--network", "none", "made", "cat", "/kind", "/where") == "s\n/a"


def test_keys_are_in_an_agent_of_the_builds_own(box: PalletCLI, place: Path, agent: tuple[str, Path]) -> None:
    _, key = agent
    files = place / "files"
    # The agent is asked by the machine's own ssh-add, with its libraries.
    listed = subprocess.run(["ldd", need("ssh-add")], check=True, capture_output=True, text=True).stdout.split()
    for path in [need("ssh-add"), *(word for word in listed if word.startswith("/"))]:
        target = files / "root" / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(Path(path).read_bytes())
        target.chmod(0o755)
    text = f"FROM box\nCOPY root /\nRUN --mount=type=ssh {need('ssh-add')} -L > /keys\n"
    (files / "Dockerfile").write_text(text)
    key.chmod(0o644)
    box.ok("build", "-t", "made", "--ssh", f"default={key}", str(files))
    public = Path(f"{key}.pub").read_text().split()[1]
    assert box.ok("run", "--rm", "--network", "none", "made", "cat", "/keys").split()[1] == public
    done = box("build", "--ssh", f"default={files}/f", str(files))
    assert done.code == 1
    assert "it is no private key, or has a passphrase" in done.stderr


def test_without_an_agent(box: PalletCLI, place: Path) -> None:
    (place / "files/Dockerfile").write_text("FROM box\nRUN --mount=type=ssh,required=true true\n")
    done = box("build", str(place / "files"))
    assert done.code == 1
    assert 'no SSH key "default" forwarded from the client' in done.stderr
    assert "SSH_AUTH_SOCK" in box("build", "--ssh", "default", str(place / "files")).stderr


def test_a_cache_directory_begins_with_a_stages_files(box: PalletCLI, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(
        "FROM box AS first\nRUN mkdir -p /d/e && echo text > /d/e/f && chown 7:8 /d/e/f\n"
        "FROM box\nRUN --mount=type=cache,from=first,source=/d,target=/c,id=filled"
        " cat /c/e/f > /read; stat -c %u:%g /c/e/f >> /read; echo more >> /c/e/f\n"
        "RUN --mount=type=cache,from=first,source=/d,target=/c,id=filled cat /c/e/f > /again\n"
    )
    box.ok("build", "-t", "made", str(tmp_path))
    read = box.ok("run", "--rm", "--network", "none", "made", "cat", "/read", "/again")
    assert read == "text\n7:8\ntext\nmore"
    (tmp_path / "Dockerfile").write_text("FROM box\nRUN --mount=type=cache,from=box,source=/none,target=/c true\n")
    assert "not found" in box("build", str(tmp_path)).stderr


def test_a_dry_run_of_prune_removes_nothing(box: PalletCLI, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("text\n" * 1000)
    (tmp_path / "Dockerfile").write_text("FROM box\nCOPY f /f\n")
    box.ok("build", "-t", "made", str(tmp_path))
    box.ok("rmi", "made")
    told = box.ok("builder", "prune", "--dry-run")
    assert told == box.ok("builder", "prune", "--dry-run")
    assert told.startswith("Would Delete ") and told.endswith("Total reclaimable space: 5kB")
    removed = box.ok("builder", "prune", "-f")
    assert removed.splitlines()[1:-1] == told.splitlines()[1:-1]
    assert removed.endswith("Total reclaimed space: 5kB")
    assert box.ok("builder", "prune", "--dry-run").endswith("Total reclaimable space: 0B")
