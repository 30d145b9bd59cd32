"""`--cache-to` and `--cache-from`: what one store has built, another finds; `COPY --link` on other parents."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.pallet import PalletCLI
from tests.support.registry import RegistryServer

DOCKERFILE = """FROM {host}/box AS tools
RUN head -c 9 /dev/urandom > /tool
COPY f /from-context
FROM {host}/box
WORKDIR /w
COPY --from=tools /tool /from-context /t/
RUN date +%N > /now
LABEL a=b
"""
Store = Callable[[str], PalletCLI]


@pytest.fixture(scope="module")
def registry() -> Iterator[RegistryServer]:
    with RegistryServer() as server:
        yield server


@pytest.fixture
def store(make_pallet: Callable[..., PalletCLI], registry: RegistryServer, busybox_tar: Path) -> Store:
    def make(name: str) -> PalletCLI:
        made = make_pallet(name)
        if name == "one":
            made.ok("import", "-c", "CMD sh", str(busybox_tar), f"{registry.host}/box")
            made.ok("push", f"{registry.host}/box")
        return made

    return make


@pytest.fixture
def context(tmp_path: Path, registry: RegistryServer) -> Path:
    place = tmp_path / "context"
    place.mkdir()
    (place / "Dockerfile").write_text(DOCKERFILE.format(host=registry.host))
    (place / "f").write_text("f\n")
    return place


def build(store: PalletCLI, context: Path, *words: str) -> tuple[str, int]:
    """Builds `made`; gives the manifest's digest, and how many steps were found."""
    meta = context.parent / "meta.json"
    done = store("build", "-t", "made", "--metadata-file", str(meta), *words, str(context))
    assert done.code == 0, done.stderr
    return json.loads(meta.read_text())["containerimage.digest"], done.stderr.count(" CACHED\n")


@pytest.mark.parametrize("options", ["mode=max", "mode=max,image-manifest=false", "mode=max,oci-mediatypes=false"])
@pytest.mark.parametrize("kind", ["registry", "local"])
def test_a_fresh_store_finds_everything(
    store: Store, context: Path, registry: RegistryServer, tmp_path: Path, kind: str, options: str
) -> None:
    where = f"ref={registry.host}/cache:{len(options)}" if kind == "registry" else f"dest={tmp_path}/cache"
    first = build(store("one"), context, "--cache-to", f"type={kind},{where},{options}")
    assert first[1] == 0
    two = store("two")
    assert build(two, context, "--cache-from", f"type={kind},{where.replace('dest=', 'src=')}") == (first[0], 5)
    assert two.ok("run", "--rm", "--network", "none", "made", "cat", "/t/from-context") == "f"
    two.ok("system", "check")
    # It is the store's own now; and the same cache again comes of it.
    assert build(two, context) == (first[0], 5)
    if kind == "local":
        build(two, context, "--cache-to", f"type=local,dest={tmp_path}/again,{options}")
        named = [json.loads((tmp_path / name / "index.json").read_text()) for name in ("cache", "again")]
        assert named[0] == named[1]


def test_mode_min_leaves_other_stages_out(store: Store, context: Path, tmp_path: Path) -> None:
    first, _ = build(store("one"), context, "--cache-to", f"type=local,dest={tmp_path}/cache")
    two = store("two")
    digest, found = build(two, context, "--cache-from", f"type=local,src={tmp_path}/cache")
    # The other stage is made again, so what was copied from it is another file.
    assert (digest != first, found) == (True, 1)


@pytest.mark.parametrize("words", [("--cache-to", "type=inline"), ("--build-arg", "BUILDKIT_INLINE_CACHE=1")])
def test_inline(store: Store, context: Path, registry: RegistryServer, words: tuple[str, ...]) -> None:
    (context / "Dockerfile").write_text(f"FROM {registry.host}/box\nCOPY f /f\nRUN date +%N > /now\n")
    one, name = store("one"), f"{registry.host}/made:inline"
    first = build(one, context, *words)
    one.ok("tag", "made", name)
    one.ok("push", name)
    assert build(store("two"), context, "--cache-from", name, *words) == (first[0], 2)
    assert build(store("three"), context, "--cache-from", name)[1] == 2
    raw = one.ok("image", "inspect", "--format", "{{.Id}}", "made").removeprefix("sha256:")
    records = json.loads(
        base64.b64decode(json.loads((one.root / "blobs/sha256" / raw).read_text())["moby.buildkit.cache.v0"])
    )
    assert [record["layers"][0]["layer"] for record in records] == [1, 2]


def test_layers_come_only_when_they_are_wanted(store: Store, context: Path, tmp_path: Path) -> None:
    build(store("one"), context, "--cache-to", f"type=local,dest={tmp_path}/cache,mode=max")
    (context / "f").write_text("other\n")
    two = store("two")
    _, found = build(two, context, "--cache-from", f"type=local,src={tmp_path}/cache", "--target", "tools")
    assert found == 1
    # Of the cache's layers only the one below the changed COPY is here.
    here = {path.name for path in (two.root / "blobs/sha256").iterdir()}
    layers = {path.name for path in (tmp_path / "cache/blobs/sha256").iterdir()}
    assert len(here & layers) == 2  # the base and the RUN


def test_what_is_missing_is_a_warning(store: Store, context: Path, registry: RegistryServer, tmp_path: Path) -> None:
    one = store("one")
    done = one(
        *("build", "--cache-from", f"{registry.host}/nothing:here"),
        *("--cache-from", f"type=local,src={tmp_path}/none", str(context)),
    )
    assert done.code == 0, done.stderr
    assert done.stderr.count("WARNING: no cache from ") == 2
    # A cache that has lost a layer is done without.
    build(one, context, "--cache-to", f"type=local,dest={tmp_path}/cache,mode=max")
    for path in (tmp_path / "cache/blobs/sha256").iterdir():
        if path.read_bytes()[:2] == b"\x1f\x8b":
            path.unlink()
    two = store("two")
    done = two("build", "--cache-from", f"type=local,src={tmp_path}/cache", str(context))
    assert done.code == 0, done.stderr
    assert "[internal] build without other caches" in done.stderr
    two.ok("system", "check")


def test_compression(store: Store, context: Path, tmp_path: Path) -> None:
    words = f"type=local,dest={tmp_path}/cache,mode=max,compression=zstd"
    build(store("one"), context, "--cache-to", words)
    magics = {path.read_bytes()[:4] for path in (tmp_path / "cache/blobs/sha256").iterdir()}
    assert b"\x28\xb5\x2f\xfd" in magics
    assert not any(magic.startswith(b"\x1f\x8b") for magic in magics)
    assert build(store("two"), context, "--cache-from", f"type=local,src={tmp_path}/cache")[1] == 5


@pytest.mark.parametrize(
    ("flag", "value", "said"),
    [
        ("--cache-to", "type=gha", "cache type gha is not supported: use registry, local or inline"),
        ("--cache-from", "type=s3,bucket=x", "cache type s3 is not supported: use registry, local or inline"),
        ("--cache-to", "type=local", "cache type local requires dest"),
        ("--cache-to", "mode=max", 'type required form> "mode=max"'),
        ("--cache-to", "type=registry,ref=x,mode=all", "unsupported cache export mode all: it is min or max"),
        ("--cache-from", "type=locla,src=x", "unknown cache type locla (did you mean local?)"),
        ("--cache-to", "type=local,dest=x,compression=estargz", "compression estargz is not supported"),
    ],
)
def test_what_cannot_be_is_refused(store: Store, context: Path, flag: str, value: str, said: str) -> None:
    done = store("two")("build", flag, value, str(context))
    assert done.code == 1
    assert done.stderr.startswith(f"ERROR: {said}")


def test_linked_layers_stay_when_what_is_below_changes(store: Store, context: Path, registry: RegistryServer) -> None:
    one = store("one")
    text = "FROM {0}/box AS src\nRUN head -c 9 /dev/urandom > /r\nFROM {0}/box\n"
    text += "RUN echo {1} > /v; mkdir -p /d/deep; chmod 700 /d\n"
    text += "COPY --link --chown=7 f /d/new/\nCOPY --link --from=src /r /r\nADD --link f /bin/added\n"
    linked = []
    for number in (1, 2, 1):
        (context / "Dockerfile").write_text(text.format(registry.host, number))
        _, found = build(one, context)
        layers = json.loads(one.ok("image", "inspect", "--format", "{{json .RootFS.Layers}}", "made"))
        linked.append(layers[2:])
        assert one.ok("run", "--rm", "made", "cat", "/v", "/d/new/f", "/bin/added") == f"{number}\nf\nf"
        assert one.ok("run", "--rm", "made", "stat", "-c", "%u %a", "/d/new/f", "/d", "/").splitlines() == [
            "7 644",
            "7 755",  # as with BuildKit: the directories on the way are the layer's own
            "0 755",
        ]
        one.ok("run", "--rm", "made", "ls", "-d", "/d/deep")
        assert found == (0 if len(linked) == 1 else 4 if number == 2 else 5)
    assert linked[0] == linked[1] == linked[2]
    one.ok("system", "check")
