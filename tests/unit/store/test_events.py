"""The store's events, volumes and networks."""

from __future__ import annotations

from pathlib import Path

import pytest

from pallet.errors import Conflict, InvalidInput, NotFound
from pallet.store import events as module
from pallet.store.networks import BRIDGE_ID, Network
from pallet.store.store import Store
from pallet.store.volumes import Volume


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


def test_events_come_in_order_with_odd_attributes(store: Store) -> None:
    odd = {"na'me": 'qu"ote', "empty": "", "snow": "☃\n"}
    store.events.add("volume", "create", "one", odd)
    store.events.add("network", "destroy", "two", {})
    first, second = store.events.after(0)
    assert (first.type, first.action, first.actor, first.attributes) == ("volume", "create", "one", odd)
    assert (second.type, second.attributes) == ("network", {})
    assert second.number == first.number + 1 == store.events.last()
    assert [each.actor for each in store.events.after(first.number)] == ["two"]


def test_an_event_is_there_only_if_the_transaction_is(store: Store) -> None:
    with pytest.raises(NotFound), store.db.transaction():
        store.events.add("volume", "create", "one", {})
        raise NotFound("")
    assert store.events.after(0) == []


def test_since_a_moment(store: Store) -> None:
    for moment in (10, 30, 20, 40):
        store.events.add("volume", "create", str(moment), {}, moment=moment)
    assert [each.actor for each in store.events.after(store.events.before(25))] == ["30", "20", "40"]
    assert store.events.after(store.events.before(50)) == []


def test_old_events_are_forgotten(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 10)
    for _ in range(2 * module._TIDY_EVERY):
        store.events.add("volume", "create", "x", {})
    assert len(store.events.after(0)) == 10


def test_an_event_of_a_container_that_is_gone_is_none(store: Store) -> None:
    store.events.add("volume", "create", "one", {})
    store.events.add_of_container("0" * 64, "die", {"exitCode": "0"})
    assert len(store.events.after(0)) == 1


def test_labels_of_an_image_come_from_its_config(store: Store) -> None:
    deep = '{"config":{"Labels":{"a":"b"}},"x":' + "[" * 3000 + "]" * 3000 + "}"
    configs = [
        '{"config":{"Labels":{"a":"b","name":"c"}}}',
        '{"config":{"Labels":null}}',
        '{"config":null}',
        "{}",
        deep,
    ]
    for config in configs:
        store.events.add_of_image("tag", "id", config, "app")
    found = [each.attributes for each in store.events.after(0)]
    assert found == [{"a": "b", "name": "app"}, *[{"name": "app"}] * 4]


def test_volumes(store: Store) -> None:
    assert store.volumes.all() == []
    assert store.volumes.add(Volume("one", 1, {"a": "b"}, {}))
    assert not store.volumes.add(Volume("one", 2, None, None))
    assert store.volumes.get("one").labels == {"a": "b"}
    store.volumes.add(Volume("two", 2, None, None))
    assert [(each.name, each.labels) for each in store.volumes.all()] == [("one", {"a": "b"}), ("two", None)]
    store.volumes.remove("one")
    with pytest.raises(NotFound, match="No such volume: one"):
        store.volumes.remove("one")


def test_networks_are_found_by_id_name_and_prefix(store: Store) -> None:
    one, two = Network("ab" * 32, "one"), Network("ac" * 32, "abab")
    store.networks.add(one)
    store.networks.add(two)
    assert store.networks.find("one") == store.networks.find("ab" * 32) == store.networks.find("abab" * 2) == one
    assert store.networks.find("abab") == two  # a name goes before a prefix
    assert store.networks.find("bridge").id == BRIDGE_ID
    with pytest.raises(InvalidInput, match="network a is ambiguous"):
        store.networks.find("a")
    with pytest.raises(NotFound, match="network nosuch not found"):
        store.networks.find("nosuch")
    with pytest.raises(Conflict, match="network with name one already exists"):
        store.networks.add(Network("ad" * 32, "one"))
    assert [network.name for network in store.networks.all()] == ["abab", "bridge", "host", "none", "one"]
    store.networks.remove(one.id)
    with pytest.raises(NotFound):
        store.networks.get(one.id)
