"""`docker network rm` and `prune`."""

from __future__ import annotations

from collections.abc import Iterable

from pallet.engine import Engine
from pallet.errors import Forbidden, NotFound
from pallet.network.bridges import bridges_of
from pallet.ops.container_state import current
from pallet.ops.filters import Filters, labels_match
from pallet.ops.network_inspect import find_network
from pallet.ops.record_event import network_event, prune_event
from pallet.ops.times import parse_until
from pallet.store.networks import Network

FILTERS = ("label", "label!", "until")


def remove_network(engine: Engine, name: str) -> None:
    """Remove a network. Containers that do not run do not keep it, as with docker; they miss it when they start.

    Args:
        engine: whose store.
        name: its name, id or id prefix.

    Raises:
        NotFound: there is none.
        Forbidden: it is predefined, or running containers are in it.
    """
    network = find_network(engine, name)
    if network.predefined:
        raise Forbidden(f"{network.name} is a pre-defined network and cannot be removed")
    if in_use(engine, network):
        raise Forbidden(f"error while removing network: network {network.name} id {network.id} has active endpoints")
    with engine.store.db.transaction():
        if any(each.config_from == network.name for each in engine.store.networks.all()):
            raise Forbidden(f'error while removing network: configuration network "{network.name}" is in use')
        engine.store.networks.remove(network.id)
        network_event(engine, network, "destroy")


def in_use(engine: Engine, network: Network) -> bool:
    """Whether running containers are in a network."""
    for endpoint in engine.store.networks.of_network(network.id):
        if endpoint.place.ip and current(engine, endpoint.container)[1].running:
            return True
    bridges = bridges_of(engine.settings.run_dir)
    if bridges.active_plan(network.id) is None:
        return False
    bridges.clean_up()
    return bridges.active_plan(network.id) is not None


def prune_networks(engine: Engine, *, filters: Iterable[tuple[str, str]] = (), dry_run: bool = False) -> list[str]:
    """Remove the networks of users that no running container is in.

    Args:
        engine: whose store.
        filters: docker's `until=`, `label=` and `label!=`.
        dry_run: only tell what would go.

    Returns:
        The names of those that went.

    Raises:
        InvalidInput: a bad filter.
    """
    wanted = Filters(filters, FILTERS)
    untils = [parse_until(text) for text in wanted.get("until")]
    removed = []
    for network in engine.store.networks.all():
        if network.predefined or not all(network.created < until for until in untils):
            continue
        if not labels_match(network.labels, wanted.get("label")):
            continue
        if any(labels_match(network.labels, [text]) for text in wanted.get("label!")):
            continue
        if in_use(engine, network):
            continue
        if not dry_run:
            try:
                remove_network(engine, network.id)
            except (NotFound, Forbidden):  # removed or used by somebody else meanwhile
                continue
        removed.append(network.name)
    if not dry_run:
        prune_event(engine, "network", 0)
    return removed
