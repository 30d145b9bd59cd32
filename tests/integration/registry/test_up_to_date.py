"""Pulls that find nothing new: one question, docker's words, and a whole pull wherever there is any doubt."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from tests.support import images
from tests.support.faulty import Fault, FaultyRegistry
from tests.support.images import Image
from tests.support.pallet import PalletCLI

pytestmark = pytest.mark.root

_LABELS = {"maker": "somebody"}


def _made(content: bytes = b"content") -> Image:
    return images.image([images.tar([images.entry("file", content)])], config={"Labels": _LABELS})


@pytest.fixture
def registry() -> Iterator[FaultyRegistry]:
    with FaultyRegistry() as registry:
        yield registry


def _pull(pallet: PalletCLI, registry: FaultyRegistry, *args: str) -> tuple[str, list[str]]:
    """What a pull prints, and the methods of its requests."""
    before = len(registry.asked())
    printed = pallet.ok("pull", *args)
    return printed, [request.method for request in registry.asked()[before:]]


def _status(name: str, digest: str) -> str:
    return f"Digest: {digest}\nStatus: Image is up to date for {name}\n{name}"


def test_by_tag(pallet: PalletCLI, registry: FaultyRegistry) -> None:
    made = _made()
    registry.add("s", made, "latest", "1")
    name = f"{registry.host}/s"
    pallet.ok("pull", name)
    expected = f"Using default tag: latest\nlatest: Pulling from s\n{_status(f'{name}:latest', made.manifest.digest)}"
    assert _pull(pallet, registry, name) == (expected, ["HEAD"])
    assert _pull(pallet, registry, "-q", f"{name}:latest") == (f"{name}:latest", ["HEAD"])
    # The whole pull says the same; a platform has it made.
    whole, methods = _pull(pallet, registry, "--platform", "linux/amd64", f"{name}:latest")
    assert whole == expected.partition("\n")[2]
    assert "GET" in methods
    # A name that is not here may lead to what is here: that is for a whole pull.
    assert "GET" in _pull(pallet, registry, f"{name}:1")[1]
    events = pallet.ok("events", "--since", "0", "--until", "0s", "--filter", "event=pull").splitlines()
    told = {re.sub(r"^\S+ ", "", line) for line in events if f"{name}:latest" in line}
    assert told == {f"image pull {name}:latest (maker=somebody, name={name})"}


def test_by_digest(pallet: PalletCLI, registry: FaultyRegistry) -> None:
    made = _made()
    registry.add("s", made, "latest")
    name = f"{registry.host}/s@{made.manifest.digest}"
    pallet.ok("pull", name)
    expected = f"{name}: Pulling from s\n{_status(name, made.manifest.digest)}"
    assert _pull(pallet, registry, name) == (expected, ["HEAD"])


def test_what_changed_is_pulled(pallet: PalletCLI, registry: FaultyRegistry) -> None:
    name = f"{registry.host}/s:1"
    registry.add("s", _made(), "1")
    pallet.ok("pull", name)
    other = _made(b"other")
    registry.add("s", other, "1")
    assert f"Digest: {other.manifest.digest}\nStatus: Downloaded newer image" in _pull(pallet, registry, name)[0]


def test_what_is_missing_is_pulled(pallet: PalletCLI, registry: FaultyRegistry) -> None:
    made = _made()
    name = f"{registry.host}/s:1"
    registry.add("s", made, "1")
    pallet.ok("pull", name)
    blob = pallet.root / "blobs/sha256" / made.layers[0].digest.removeprefix("sha256:")
    blob.unlink()
    assert "GET" in _pull(pallet, registry, name)[1]
    assert blob.read_bytes() == made.layers[0].data


def test_an_index_is_read_again(pallet: PalletCLI, registry: FaultyRegistry) -> None:
    """Which of its manifests is meant depends on the platform."""
    index = images.index([_made()])
    name = f"{registry.host}/s:1"
    registry.add("s", index, "1")
    pallet.ok("pull", name)
    printed, methods = _pull(pallet, registry, name)
    assert "GET" in methods
    assert printed == f"1: Pulling from s\n{_status(name, index.root.digest)}"


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=500),
        Fault(digest_header="sha256:" + "0" * 64),
        Fault(digest_header="nonsense"),
        Fault(redirect="http://localhost:{port}"),
    ],
    ids=["error", "other", "nonsense", "redirect"],
)
def test_odd_answers_mean_a_whole_pull(pallet: PalletCLI, registry: FaultyRegistry, fault: Fault) -> None:
    made = _made()
    registry.add("s", made, "latest", "1")
    name = f"{registry.host}/s:1"
    pallet.ok("pull", name)
    if fault.redirect:
        fault = Fault(redirect=fault.redirect.format(port=registry.port))
    registry.fault("/manifests/1", fault)
    printed, methods = _pull(pallet, registry, name)
    assert methods[0] == "HEAD"
    assert "GET" in methods
    assert printed.endswith(_status(name, made.manifest.digest))


def test_a_registry_that_wants_to_know_who_asks(pallet: PalletCLI) -> None:
    made = _made()
    with FaultyRegistry(basic=("me", "secret")) as registry:
        registry.add("s", made, "1")
        name = f"{registry.host}/s:1"
        pallet.ok("login", "-u", "me", "-p", "secret", registry.host)
        pallet.ok("pull", name)
        printed, methods = _pull(pallet, registry, name)
        assert printed.endswith(_status(name, made.manifest.digest))
        assert "GET" in methods
        pallet.ok("logout", registry.host)
        refused = pallet("pull", name)
        assert refused.code == 1
        assert "no basic auth credentials" in refused.stderr
