"""Networks, volumes and events from Python."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import assert_type

import pytest
from tests.support import need

import pallet
from pallet.errors import Conflict, Forbidden, InvalidInput, NotFound, Unsupported


@pytest.fixture(autouse=True)
def box(engine: pallet.Engine, busybox_tar: Path) -> pallet.Image:
    """busybox as `box`, in the engine's store."""
    return engine.images.import_(busybox_tar, "box")


def test_networks(engine: pallet.Engine) -> None:
    need("netavark")
    need("aardvark-dns")
    pool = {"Subnet": "10.125.0.0/24", "IPRange": "10.125.0.128/25", "AuxiliaryAddresses": {"printer": "10.125.0.129"}}
    network = engine.networks.create("back", ipam={"Config": [pool]}, labels={"tier": "back"}, internal=True)
    assert (network.name, len(network.id), network.short_id) == ("back", 64, network.id[:12])
    assert network.attrs["IPAM"]["Config"] == [pool]
    assert network.attrs["Internal"] is True
    assert engine.networks.list(filters={"label": "tier=back"}) == [network]
    assert engine.networks.list(names=["bac"], ids=[network.id[:5]]) == [network]
    assert engine.networks.get("back") == engine.networks.get(network.id[:12]) == network
    container = engine.containers.run("box", ["sleep", "1000"], detach=True, name="one", network="back")
    assert network.containers == []  # as they were when first asked for
    network.reload()
    assert network.containers == [container]
    with pytest.raises(Forbidden, match="has active endpoints"):
        network.remove()
    network.disconnect(container)
    network.connect("one", aliases=["uno"], ipv4_address="10.125.0.200")
    place = container.attrs["NetworkSettings"]["Networks"]["back"]
    assert (place["IPAddress"], place["Aliases"][0]) == ("10.125.0.200", "uno")
    container.remove(force=True)
    assert engine.networks.prune(dry_run=True) == {"NetworksDeleted": ["back"]}
    assert engine.networks.prune(filters={"label": "tier"}) == {"NetworksDeleted": ["back"]}
    with pytest.raises(NotFound, match="No such network: back"):
        engine.networks.get("back")


def test_what_networks_refuse(engine: pallet.Engine) -> None:
    engine.networks.create("one")
    with pytest.raises(Conflict, match="network with name one already exists"):
        engine.networks.create("one")
    with pytest.raises(Forbidden, match="operation is not permitted on predefined bridge network"):
        engine.networks.create("bridge")
    with pytest.raises(InvalidInput, match="unknown in an address pool: Subnett"):
        engine.networks.create("two", ipam={"Config": [{"Subnett": "10.0.0.0/24"}]})
    with pytest.raises(Unsupported):  # without a subnet
        engine.networks.create("two", enable_ipv6=True)


def test_volumes(engine: pallet.Engine) -> None:
    volume = engine.volumes.create("data", labels={"app": "web"})
    assert engine.volumes.create("data") == volume
    assert engine.volumes.get("data").attrs["Labels"] == {"app": "web"}
    assert engine.volumes.list(filters={"dangling": True, "label": "app"}) == [volume]
    engine.containers.run("box", ["touch", "/x/file"], volumes={"data": {"bind": "/x", "mode": "rw"}}, network="none")
    assert (Path(volume.attrs["Mountpoint"]) / "file").exists()
    with pytest.raises(Conflict, match="remove data: volume is in use"):
        volume.remove()
    engine.containers.prune()
    assert engine.volumes.prune()["VolumesDeleted"] == ["data"]
    with pytest.raises(NotFound, match="No such volume: data"):
        volume.reload()


def test_events(engine: pallet.Engine) -> None:
    since = time.time()
    seen: list[str] = []
    ready = threading.Event()

    def follow() -> None:
        events = engine.events(decode=True, filters={"type": "volume"})
        ready.set()
        for event in events:
            seen.append(event["Actor"]["ID"])
            if event["Action"] == "destroy":
                break
        events.close()

    thread = threading.Thread(target=follow)
    thread.start()
    assert ready.wait(5)
    engine.volumes.create("one").remove()
    thread.join(10)
    assert not thread.is_alive()
    assert seen == ["one", "one"]
    past = assert_type(next(engine.events(since=since, until=time.time())), bytes)
    assert json.loads(past)["Action"] == "create"
    assert past.endswith(b"\n")
