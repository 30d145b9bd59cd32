"""Downloads that need not go on end at once, whatever they wait for."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest
from tests.integration.registry.samples import noise
from tests.support import images, wait_until
from tests.support.faulty import Fault, FaultyRegistry
from tests.support.images import Image
from tests.support.pallet import PalletCLI

pytestmark = pytest.mark.root

_LONG = 60.0  # seconds that a download hangs
_AT_ONCE = 20.0  # seconds a whole command may take, with a busy machine allowed for
_HANGS = {
    "in its body": Fault(drop_after=500_000, stall=_LONG),
    "before its answer": Fault(delay=_LONG),
    "before another attempt": Fault(status=429, retry_after="60"),
}


@pytest.fixture(scope="module")
def made() -> Image:
    """Two layers."""
    layers = [images.tar([images.entry(name, noise(1_000_000, seed))]) for seed, name in enumerate(("one", "two"))]
    return images.image(layers)


@pytest.fixture
def registry(made: Image) -> Iterator[FaultyRegistry]:
    with FaultyRegistry() as registry:
        registry.add("s", made)
        yield registry


@pytest.mark.parametrize("hang", _HANGS.values(), ids=_HANGS)
def test_when_another_one_fails(pallet: PalletCLI, registry: FaultyRegistry, made: Image, hang: Fault) -> None:
    wrong, hanging = made.layers
    registry.fault(wrong.digest, Fault(corrupt=True, delay=1.0))
    registry.fault(hanging.digest, hang)
    start = time.monotonic()
    done = pallet("pull", f"{registry.host}/s", timeout=_LONG)
    assert time.monotonic() - start < _AT_ONCE
    assert done.code == 1
    assert f"{wrong.digest}: the content has the digest sha256:" in done.stderr
    assert len(registry.asked(hanging.digest)) == 1
    # What hung was no fault of the image's.
    assert pallet("pull", f"{registry.host}/s").code == 0


@pytest.mark.parametrize("hang", _HANGS.values(), ids=_HANGS)
def test_when_the_user_wants_it(pallet: PalletCLI, registry: FaultyRegistry, made: Image, hang: Fault) -> None:
    hanging = made.layers[1].digest
    registry.fault(hanging, hang)
    process = pallet.start("pull", f"{registry.host}/s")
    wait_until(lambda: bool(registry.asked(hanging)), "the request")
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=_AT_ONCE)
    assert process.returncode == 130
    assert b"Traceback" not in errors
    assert len(registry.asked(hanging)) == 1
