"""ADD from URLs and repositories, contexts from both, named contexts, and the library's build."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.support import need
from tests.support.pallet import PalletCLI

from pallet.errors import DockerfileError
from pallet.sdk.engine import Engine, from_env


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server on the loopback: its address and its directory."""
    place = tmp_path / "site"
    place.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(place)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", place
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def repository(site: tuple[str, Path], tmp_path: Path) -> str:
    """A git repository behind the web server."""
    git = need("git")
    work = tmp_path / "work"
    (work / "sub").mkdir(parents=True)
    (work / "Dockerfile").write_text("FROM box\nCOPY . /all\n")
    (work / "sub/file").write_text("from git\n")
    (work / "sub/Dockerfile").write_text("FROM box\nCOPY file /sub\n")
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main")
    for words in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "one"), ("tag", "v1")):
        subprocess.run([git, *identity, "-C", str(work), *words], check=True)
    bare = site[1] / "repo.git"
    subprocess.run([git, "clone", "-q", "--bare", str(work), str(bare)], check=True)
    subprocess.run([git, "-C", str(bare), "update-server-info"], check=True)
    return site[0] + "/repo.git"


@pytest.fixture
def box(pallet: PalletCLI, busybox_tar: Path) -> PalletCLI:
    """pallet with the image `box`."""
    pallet.ok("import", str(busybox_tar), "box")
    return pallet


def built(box: PalletCLI, tmp_path: Path, dockerfile: str, *args: str) -> None:
    context = tmp_path / "context"
    context.mkdir(exist_ok=True)
    (context / "Dockerfile").write_text(dockerfile)
    box.ok("build", "-t", "made", *args, str(context))


def sh(box: PalletCLI, command: str) -> str:
    return box.ok("run", "--rm", "--network", "none", "made", "sh", "-c", command)


def test_urls(box: PalletCLI, site: tuple[str, Path], tmp_path: Path) -> None:
    (site[1] / "file.txt").write_text("from the web\n")
    digest = hashlib.sha256(b"from the web\n").hexdigest()
    built(
        box, tmp_path, f"FROM box\nADD {site[0]}/file.txt /d/\nADD --checksum=sha256:{digest} {site[0]}/file.txt /e\n"
    )
    assert sh(box, "cat /d/file.txt /e; stat -c %a /e") == "from the web\nfrom the web\n600"
    (tmp_path / "context/Dockerfile").write_text(f"FROM box\nADD --checksum=sha256:{'0' * 64} {site[0]}/file.txt /e\n")
    done = box("build", str(tmp_path / "context"))
    assert done.code == 1
    assert "digest mismatch" in done.stderr


def test_repositories(box: PalletCLI, repository: str, tmp_path: Path) -> None:
    built(box, tmp_path, f"FROM box\nADD {repository}#v1 /src\nADD {repository}#v1:sub /sub\n")
    assert sh(box, "cat /src/sub/file /sub/file; ls -a /src") == "from git\nfrom git\n.\n..\nDockerfile\nsub"


def test_commits(box: PalletCLI, repository: str, tmp_path: Path) -> None:
    """By a short id, with `.git` if that is asked for, and only the commit that is expected."""
    git = ["git", "-C", str(tmp_path / "work"), "rev-parse", "HEAD"]
    commit = subprocess.run(git, check=True, capture_output=True, text=True).stdout.strip()
    kept = f"ADD --keep-git-dir=true --checksum={commit} {repository}#main /kept\n"
    built(box, tmp_path, f"FROM box\nADD {repository}#{commit[:8]} /short\n{kept}")
    assert sh(box, "ls -a /short | grep -c git; cat /kept/.git/HEAD") == f"0\n{commit}"
    (tmp_path / "context/Dockerfile").write_text(f"FROM box\nADD --checksum={'0' * 40} {repository} /x\n")
    done = box("build", str(tmp_path / "context"))
    assert done.code == 1
    assert f"expected checksum to match {'0' * 40}, got {commit}" in done.stderr


def test_contexts(box: PalletCLI, repository: str, site: tuple[str, Path], tmp_path: Path) -> None:
    box.ok("build", "-t", "made", repository)
    assert sh(box, "cat /all/sub/file") == "from git"
    box.ok("build", "-t", "made", f"{repository}#v1:sub")
    assert sh(box, "cat /sub") == "from git"
    subprocess.run(
        ["tar", "-C", str(tmp_path / "work"), "-czf", str(site[1] / "c.tgz"), "sub", "Dockerfile"], check=True
    )
    box.ok("build", "-t", "made", site[0] + "/c.tgz")
    assert sh(box, "cat /all/sub/file") == "from git"


def test_named_contexts(box: PalletCLI, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more/file").write_text("named\n")
    built(
        box,
        tmp_path,
        "FROM base\nCOPY --from=more file /\nCOPY --from=image /www/index.html /\n"
        "RUN --mount=from=more,target=/m cp /m/file /g\n",
        *("--build-context", f"more={tmp_path}/more", "--build-context", "base=docker-image://box"),
        *("--build-context", "image=docker-image://box"),
    )
    assert sh(box, "cat /file /g; ls /index.html") == "named\nnamed\n/index.html"


def test_named_contexts_from_elsewhere(box: PalletCLI, repository: str, site: tuple[str, Path], tmp_path: Path) -> None:
    """A repository and a tar on the web: as a stage's base, for COPY and for a mount."""
    subprocess.run(["tar", "-C", str(tmp_path / "work/sub"), "-czf", str(site[1] / "c.tgz"), "file"], check=True)
    built(
        box,
        tmp_path,
        "FROM repo AS base\nFROM box\nCOPY --from=repo sub/file /one\nCOPY --from=tar file /two\n"
        "COPY --from=base /sub/file /three\nRUN --mount=from=tar,target=/m cp /m/file /four\n",
        *("--build-context", f"repo={repository}#v1", "--build-context", f"tar={site[0]}/c.tgz"),
    )
    assert sh(box, "cat /one /two /three /four").splitlines() == ["from git"] * 4
    done = box("build", "--build-context", f"tar={site[0]}/none.tgz", str(tmp_path / "context"))
    assert (done.code, done.stderr.splitlines()[-1].partition(":")[0]) == (1, "ERROR")


def test_the_library_builds(box: PalletCLI, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM box\nARG V\nRUN echo said $V\nLABEL v=$V\n")
    with Engine(box.root, run_dir=box.run_dir) as engine:
        image, log = engine.images.build(path=str(tmp_path), tag="made:1", buildargs={"V": 7}, network_mode="none")
        assert image.tags == ["made:1"]
        assert image.labels == {"v": "7"}
        assert any("said 7" in each.get("stream", "") for each in log)
        again, _ = engine.images.build(fileobj=io.BytesIO(b"FROM box\nCMD x\n"))
        assert again.attrs["Config"]["Cmd"] == ["/bin/sh", "-c", "x"]
        with pytest.raises(DockerfileError) as caught:
            engine.images.build(fileobj=io.BytesIO(b"FROM box\nRUN exit 4\n"), network_mode="none")
        assert caught.value.lines == (2, 2)
        with pytest.raises(TypeError):
            engine.images.build()


def test_urls_are_fetched_through_the_proxy(
    pallet: PalletCLI, site: tuple[str, Path], busybox_tar: Path, tmp_path: Path
) -> None:
    """A build's context, what it adds, and the library's import."""
    url, place = site
    served = place / "http:" / "files.invalid"  # where the server looks for what a proxy is asked for
    served.mkdir(parents=True)
    (served / "added").write_text("by the proxy\n")
    (served / "Dockerfile").write_text("FROM scratch\nADD http://files.invalid/added /\n")
    (served / "box.tar").symlink_to(busybox_tar)
    pallet.env["http_proxy"] = url
    pallet.ok("build", "-t", "made", "http://files.invalid/Dockerfile")
    assert pallet.ok("history", "--format", "{{.Size}}", "made").startswith("13B")
    with from_env(pallet.env) as engine:
        assert engine.images.import_("http://files.invalid/box.tar", "box").tags == ["box:latest"]


def test_provenance_tells_where_all_came_from(
    box: PalletCLI, repository: str, site: tuple[str, Path], tmp_path: Path
) -> None:
    work = tmp_path / "work"
    commit = subprocess.run(
        ["git", "-C", str(work), "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
    (site[1] / "file.txt").write_text("from the web\n")
    more = tmp_path / "more"
    more.mkdir()
    (more / "Dockerfile").write_text(f"FROM box\nADD {repository}#v1:sub /sub\nADD {site[0]}/file.txt /\n")
    subprocess.run(["tar", "-C", str(more), "-czf", str(site[1] / "c.tgz"), "Dockerfile"], check=True)
    tar = {"uri": f"{site[0]}/c.tgz", "digest": {"sha256": _sha256(site[1] / "c.tgz")}}
    file = {"uri": f"{site[0]}/file.txt", "digest": {"sha256": _sha256(site[1] / "file.txt")}}
    part = {"uri": f"{repository}#v1:sub", "digest": {"sha1": commit}}

    said = provenance(box, tmp_path, "mode=max", f"{site[0]}/c.tgz")
    assert said["invocation"]["configSource"] == {**tar, "entryPoint": "Dockerfile"}
    assert "locals" not in said["invocation"]["parameters"]
    assert [each for each in said["materials"] if "pkg:" not in each["uri"]] == [part, tar, file]

    secret = repository.replace("://", "://name:word@")
    masked = {**part, "uri": part["uri"].replace("://", "://xxxxx:xxxxx@")}
    said = provenance(box, tmp_path, "mode=min,version=v1", f"{secret}#v1:sub", "--build-context", f"x={site[0]}/c.tgz")
    assert said["buildDefinition"]["externalParameters"]["configSource"] == {**masked, "path": "Dockerfile"}
    fetched = [each for each in said["buildDefinition"]["resolvedDependencies"] if "pkg:" not in each["uri"]]
    assert fetched == [masked, tar]
    assert "word" not in json.dumps(said)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def provenance(box: PalletCLI, tmp_path: Path, mode: str, *words: str) -> dict[str, Any]:
    meta = tmp_path / "meta.json"
    box.ok("build", "--provenance", mode, "--metadata-file", str(meta), *words)
    return dict(json.loads(meta.read_text())["buildx.build.provenance"])


def test_provenance_of_what_was_fetched_is_whole(
    box: PalletCLI, repository: str, site: tuple[str, Path], tmp_path: Path
) -> None:
    """Nothing of this machine is in it: all is known by its digest; without network it is hermetic, too."""
    (site[1] / "f").write_text("f")
    text = f"FROM box\nADD {site[0]}/f /f\nADD {repository}#v1 /r\nRUN --network=none true\n"
    (tmp_path / "work/sub/File").write_text(text)
    git = ("git", "-C", str(tmp_path / "work"), "-c", "user.name=a", "-c", "user.email=a@b.c")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "two"], check=True)
    subprocess.run([*git, "push", "-q", str(site[1] / "repo.git"), "HEAD:refs/heads/main"], check=True)
    subprocess.run(["git", "-C", str(site[1] / "repo.git"), "update-server-info"], check=True)
    place = tmp_path / "told"
    address = repository.replace("http://", "http://me:pw@")
    done = box("build", "--provenance", "mode=max", "-o", str(place), "-f", "sub/File", f"{address}#main")
    assert done.code == 0, done.stderr
    raw = (place / "provenance.json").read_text()
    assert "pw@" not in raw
    found = json.loads(raw)["predicate"]
    masked = repository.replace("http://", "http://xxxxx:xxxxx@") + "#main"
    source = found["invocation"]["configSource"]
    assert (source["uri"], source["entryPoint"]) == (masked, "sub/File")
    assert [each["uri"] for each in found["materials"]] == [
        "pkg:docker/box@latest?platform=linux%2Famd64",
        f"{repository}#v1",
        masked,
        f"{site[0]}/f",
    ]
    assert found["metadata"]["completeness"] == {"parameters": True, "environment": True, "materials": True}
    assert found["metadata"]["https://mobyproject.org/buildkit@v1#hermetic"] is True
    assert "locals" not in found["invocation"]["parameters"]
    sources = [
        step["op"]["Op"]["source"] for step in found["buildConfig"]["llbDefinition"] if "source" in step["op"]["Op"]
    ]
    assert sources[1:] == [
        {"identifier": f"{site[0]}/f", "attrs": {"http.filename": "f"}},
        {"identifier": f"git://{repository.removeprefix('http://')}#v1", "attrs": {"git.fullurl": repository}},
    ]
