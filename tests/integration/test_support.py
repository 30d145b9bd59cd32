"""The tests' own surroundings work: programs that are not ours agree with what they serve, make and find."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import os
import socket
import subprocess
import sys
import tarfile
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import REPOSITORY, free_port, images, leaks, need, tree
from tests.support.certs import Certificate
from tests.support.dockerd import Dockerd
from tests.support.faulty import Fault, FaultyRegistry
from tests.support.images import directory, entry, hardlink, symlink
from tests.support.registry import RegistryServer
from tests.support.session import Session
from tests.support.tokens import TokenServer

USERS = {"anna": "s3cret:with/odd@signs"}
LAYERS = (
    images.tar([directory("etc"), entry("etc/name", b"lower\n"), entry("etc/gone", b"x")]),
    images.tar([entry("etc/name", b"upper\n"), entry("etc/.wh.gone")]),
)


def skopeo(*args: str) -> str:
    done = subprocess.run([need("skopeo"), *args], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def get(url: str, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request("GET", parts.path, headers=headers or {})
        response = connection.getresponse()
        return response.status, {key.lower(): value for key, value in response.headers.items()}, response.read()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate(tmp_path_factory.mktemp("certificate"))


@pytest.mark.parametrize("style", ["oci", "docker"])
def test_skopeo_pulls_what_images_pushed(registry: RegistryServer, tmp_path: Path, style: images.Style) -> None:
    made = images.image(LAYERS, style=style, compression=["gzip", "plain"], config={"Labels": {"a": "b"}})
    images.push(made, registry.url, f"support/{style}", "one", "two")
    skopeo("copy", "--src-tls-verify=false", f"docker://{registry.host}/support/{style}:two", f"dir:{tmp_path}/out")
    assert (tmp_path / "out/manifest.json").read_bytes() == made.manifest.data
    for blob in made.blobs():
        assert (tmp_path / "out" / blob.digest.removeprefix("sha256:")).read_bytes() == blob.data
    assert registry.blob_path(made.config.digest).read_bytes() == made.config.data


def test_skopeo_pushes_a_layout(registry: RegistryServer, tmp_path: Path) -> None:
    made = images.image(LAYERS, compression="zstd")
    images.write_layout(tmp_path / "layout", made, "v1")
    target = f"docker://{registry.host}/support/layout:v1"
    skopeo("copy", "--dest-tls-verify=false", f"oci:{tmp_path}/layout:v1", target)
    status, headers, body = get(f"{registry.url}/v2/support/layout/manifests/v1", {"Accept": made.manifest.media_type})
    assert (status, headers["docker-content-digest"], body) == (200, made.manifest.digest, made.manifest.data)


def test_skopeo_chooses_from_an_index(registry: RegistryServer) -> None:
    arms = [images.image(LAYERS[:1], architecture="arm", variant=variant) for variant in ("v6", "v7")]
    made = images.index([images.image(LAYERS), *arms], style="docker")
    images.push(made, registry.url, "support/index")
    at = f"docker://{registry.host}/support/index:latest"
    assert json.loads(skopeo("inspect", "--tls-verify=false", "--raw", at)) == json.loads(made.root.data)
    arm = ("--override-arch", "arm", "--override-variant", "v7")
    found = json.loads(skopeo(*arm, "inspect", "--tls-verify=false", "--config", at))
    assert (found["architecture"], found["variant"]) == ("arm", "v7")


def test_basic_authentication() -> None:
    made = images.image(LAYERS)
    name, password = next(iter(USERS.items()))
    with RegistryServer(users=USERS) as server:
        with pytest.raises(RuntimeError, match="401"):
            images.push(made, server.url, "private")
        images.push(made, server.url, "private", user=(name, password))
        at = f"docker://{server.host}/private:latest"
        assert skopeo("inspect", "--tls-verify=false", "--creds", f"{name}:{password}", "--raw", at)
        status, headers, _ = get(f"{server.url}/v2/")
        assert status == 401
        assert headers["www-authenticate"].startswith("Basic ")


def test_tls(certificate: Certificate, tmp_path: Path) -> None:
    made = images.image(LAYERS)
    (tmp_path / "ca.crt").write_bytes(certificate.cert.read_bytes())
    with RegistryServer(tls=certificate) as server:
        images.push(made, server.url, "secure")
        at = f"docker://{server.host}/secure:latest"
        assert skopeo("inspect", "--cert-dir", str(tmp_path), "--raw", at)


def test_token_authentication(certificate: Certificate) -> None:
    made = images.image(LAYERS)
    name, password = next(iter(USERS.items()))
    with TokenServer(certificate, USERS) as tokens, RegistryServer(token=tokens) as server:
        with FaultyRegistry() as source:
            source.add("app", made)
            options = ("--src-tls-verify=false", "--dest-tls-verify=false", "--dest-creds", f"{name}:{password}")
            skopeo("copy", *options, f"docker://{source.host}/app:latest", f"docker://{server.host}/app:latest")
        assert skopeo("inspect", "--tls-verify=false", "--raw", f"docker://{server.host}/app:latest")
        status, headers, _ = get(f"{server.url}/v2/app/manifests/latest")
        assert status == 401
        assert headers["www-authenticate"].startswith(f'Bearer realm="{tokens.realm}"')
        assert any("repository:app:pull,push" in query["scope"] for query in tokens.requests)


def test_proxy_and_readonly(registry: RegistryServer) -> None:
    made = images.image(LAYERS)
    images.push(made, registry.url, "library/proxied")
    with RegistryServer(proxy=registry.url) as cache:
        status, _, body = get(f"{cache.url}/v2/library/proxied/manifests/latest", {"Accept": made.manifest.media_type})
        assert (status, body) == (200, made.manifest.data)
    with RegistryServer(readonly=True) as frozen, pytest.raises(RuntimeError, match="405"):
        images.push(made, frozen.url, "anything")


@pytest.fixture
def faulty() -> Iterator[FaultyRegistry]:
    with FaultyRegistry() as server:
        yield server


def test_faults_come_as_told(faulty: FaultyRegistry) -> None:
    made = images.image(LAYERS)
    faulty.add("app", made)
    layer = made.layers[0]
    at = f"{faulty.url}/v2/app/blobs/{layer.digest}"
    faulty.fault("/blobs/", Fault(status=500), times=2)
    faulty.fault("/blobs/", Fault(status=429, retry_after="7"))
    assert [get(at)[0] for _ in range(2)] == [500, 500]
    assert get(at)[1]["retry-after"] == "7"
    assert get(at)[2] == layer.data

    faulty.fault("/blobs/", Fault(drop_after=10))
    with pytest.raises(http.client.IncompleteRead) as dropped:
        get(at)
    assert dropped.value.partial == layer.data[:10]
    faulty.fault("/blobs/", Fault(drop_after=10, reset=True))
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        get(at)

    faulty.fault("/blobs/", Fault(corrupt=True, digest_header="sha256:wrong"))
    _, headers, body = get(at)
    assert len(body) == len(layer.data)
    assert body != layer.data
    assert headers["docker-content-digest"] == "sha256:wrong"
    faulty.fault("/manifests/", Fault(pad=5_000_000))
    assert len(get(f"{faulty.url}/v2/app/manifests/latest")[2]) == len(made.manifest.data) + 5_000_000


def test_ranges(faulty: FaultyRegistry) -> None:
    made = images.image(LAYERS)
    faulty.add("app", made)
    layer = made.layers[0]
    at = f"{faulty.url}/v2/app/blobs/{layer.digest}"
    status, headers, body = get(at, {"Range": "bytes=10-"})
    assert (status, body) == (206, layer.data[10:])
    assert headers["content-range"] == f"bytes 10-{len(layer.data) - 1}/{len(layer.data)}"
    assert get(at, {"Range": "bytes=2-5"})[2] == layer.data[2:6]
    assert get(at, {"Range": f"bytes={len(layer.data)}-"})[0] == 416
    faulty.fault("/blobs/", Fault(no_range=True))
    assert get(at, {"Range": "bytes=10-"})[::2] == (200, layer.data)
    faulty.fault("/blobs/", Fault(wrong_range=True))
    assert get(at, {"Range": "bytes=10-"})[::2] == (206, layer.data)


def test_skopeo_follows_redirect_and_challenge(tmp_path: Path) -> None:
    made = images.image(LAYERS)
    with FaultyRegistry(basic=("anna", "pass"), bearer=True) as front, FaultyRegistry() as storage:
        front.add("app", made)
        storage.add("app", made)
        front.fault("/blobs/", Fault(redirect=storage.url), times=None)
        source = f"docker://{front.host}/app:latest"
        skopeo("copy", "--src-tls-verify=false", "--src-creds", "anna:pass", source, f"dir:{tmp_path}/out")
        assert (tmp_path / "out/manifest.json").read_bytes() == made.manifest.data
        assert front.asked("^/token")[0].authorization is not None
        assert front.asked("/manifests/")[-1].authorization == f"Bearer {front.token}"
        assert len(storage.asked("/blobs/")) == 3
        assert {request.authorization for request in storage.requests} == {None}


def test_docker_pulls_through_the_mirror(dockerd: Dockerd, registry: RegistryServer, busybox_tar: Path) -> None:
    command = ["httpd", "-f", "-p", "80", "-h", "/www"]
    made = images.image([busybox_tar.read_bytes()], style="docker", config={"Cmd": command})
    images.push(made, registry.url, "library/web", "1")
    pulled = dockerd.docker("pull", "web:1")
    assert pulled.code == 0, pulled.stderr
    assert f"Digest: {made.manifest.digest}\n" in pulled.stdout
    assert dockerd.docker("inspect", "-f", "{{.Id}}", "web:1").stdout.strip() == made.config.digest
    started = dockerd.docker("run", "-d", "--rm", "--name", "web", "-p", "8088:80", "web:1")
    assert started.code == 0, started.stderr
    try:
        page = dockerd.run([need("curl"), "-s", "--retry", "5", "--retry-connrefused", "http://127.0.0.1:8088/"])
        assert "It works!" in page.stdout
    finally:
        dockerd.docker("rm", "-f", "web")


def test_docker_leaves_the_network_as_it_is(dockerd: Dockerd, session: Session) -> None:
    """The daemon's bridge and rules are in its own namespace."""
    assert "docker0" in dockerd.run(["ip", "-br", "link"]).stdout
    if session.isolated:
        assert "docker0" not in [name for _, name in socket.if_nameindex()]
        rules = subprocess.run(["iptables-save"], check=True, capture_output=True, text=True).stdout
        assert "DOCKER" not in rules


def test_debian_is_one(debian_tar: Path) -> None:
    with tarfile.open(debian_tar) as archive:
        names = archive.getnames()
    assert {"./usr/bin/dpkg", "./var/lib/dpkg/status", "./etc/passwd"} <= set(names)


def test_tree_and_tar_listings_agree(tmp_path: Path) -> None:
    made = images.tar(
        [
            directory(".", 0o751, mtime=1_600_000_000),
            directory("sub", 0o1777, uid=7, gid=8),
            entry("sub/file", b"data", mode=0o4755, uid=9, xattrs={"user.note": b"\xff\x00raw"}),
            hardlink("sub/same", "sub/file"),
            symlink("link", "sub/file"),
            entry("pipe", type=tarfile.FIFOTYPE, mode=0o600),
            entry("null", type=tarfile.CHRTYPE, mode=0o666, device=(1, 3)),
            entry("long/" * 40 + "name", b"x", mtime=1_700_000_000.75),
        ]
    )
    (tmp_path / "made.tar").write_bytes(gzip.compress(made))
    out = tmp_path / "out"
    out.mkdir()
    unpack = ["tar", "-C", str(out), "--numeric-owner", "--same-permissions", "--xattrs", "--xattrs-include=*"]
    subprocess.run([*unpack, "-xzf", str(tmp_path / "made.tar")], check=True)
    from_tar, from_tree = tree.list_tar(tmp_path / "made.tar"), tree.list_tree(out)
    unlisted = tuple(f"./{name}" for name in from_tree.keys() - from_tar.keys())
    assert len(unlisted) == 40  # "long" and those below it, that the tar does not list
    assert tree.difference(from_tar, from_tree, ignore=unlisted) == []
    assert from_tree["sub/file"].links == ("sub/file", "sub/same")
    assert from_tree["sub/file"].xattrs == (("user.note", b"\xff\x00raw"),)
    (out / "sub/file").write_bytes(b"DATA")
    os.chown(out / "null", 3, 3)
    changed = tree.difference(from_tar, tree.list_tree(out), ignore=unlisted)
    assert [line.split(" ")[:2] for line in changed if "sha256" in line or "uid" in line] == [
        ["null:", "uid"],
        ["sub/file:", "sha256"],
        ["sub/same:", "sha256"],
    ]


def test_leaks_are_found(session: Session, tmp_path: Path) -> None:
    roots = (str(tmp_path),)
    before = leaks.take(session, roots)
    assert leaks.left(before, leaks.take(session, roots)) == []
    with contextlib.ExitStack() as undo:

        def make(command: str, back: str) -> None:
            subprocess.run(command.split(), check=True)
            undo.callback(subprocess.run, back.split(), check=True)

        make(f"mount -t tmpfs none {tmp_path}", f"umount {tmp_path}")
        if session.isolated:
            make("ip link add leaky type bridge", "ip link del leaky")
            make("iptables -A FORWARD -s 10.99.0.1 -j DROP", "iptables -D FORWARD -s 10.99.0.1 -j DROP")
        sleeper = undo.enter_context(subprocess.Popen(["sleep", "60"]))
        undo.callback(sleeper.kill)
        found = leaks.left(before, leaks.take(session, roots))
    expected = [f"mounts: {tmp_path}", f"processes: {sleeper.pid} sleep 60"]
    if session.isolated:
        rule = "rules: iptables-save: -A FORWARD -s 10.99.0.1/32 -j DROP"
        expected = [expected[0], "links: leaky", rule, expected[1]]
    assert found == expected
    assert leaks.settled(session, roots, before) == []


def test_ports_are_free(session: Session) -> None:
    for port in (free_port(), *((80,) if session.isolated else ())):
        with socket.create_server(("127.0.0.1", port)):
            pass


@pytest.mark.parametrize(("ci", "outcome"), [("", "2 skipped"), ("true", "1 failed")])
def test_a_missing_tool_fails_under_ci(tmp_path: Path, ci: str, outcome: str) -> None:
    hooks = "from tests.conftest import pytest_make_collect_report, pytest_runtest_makereport\n"
    (tmp_path / "conftest.py").write_text(hooks)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_one.py").write_text(
        "import pytest\nfrom tests.support import need\n"
        "def test_needs():\n    need('no-such-tool')\n"
        "def test_other():\n    pytest.skip('another reason')\n"
    )
    environment = {**os.environ, "CI": ci, "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert outcome in done.stdout.splitlines()[-1], done.stdout
    assert "missing tool no-such-tool" in done.stdout
    assert done.returncode == (1 if ci else 0)
