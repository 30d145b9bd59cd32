"""`docker network ls`."""

from __future__ import annotations

from pallet.errors import InvalidInput
from pallet.ops.filters import Filters, labels_match
from pallet.store.network_names import BriefNetwork, brief_networks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pallet.engine import Engine
    from pallet.store.networks import Network

FILTERS = ("dangling", "driver", "id", "label", "name", "scope", "type")


def list_networks(engine: Engine, *, filters: Iterable[tuple[str, str]] = ()) -> list[BriefNetwork]:
    """The networks, by name.

    Args:
        engine: whose store.
        filters: docker's, see `FILTERS`.

    Raises:
        InvalidInput: a bad filter, with docker's text.
    """
    wanted = Filters(filters, FILTERS)
    for kind in wanted.get("type"):
        if kind not in ("custom", "builtin"):
            raise InvalidInput(f"invalid filter: 'type'='{kind}'")
    dangling = _dangling(wanted.get("dangling"))
    return [
        network
        for network in brief_networks(engine.store.db)
        if _matches(network, wanted) and (dangling is None or dangling == is_dangling(engine, network))
    ]


def _dangling(values: list[str]) -> bool | None:
    """docker's own reading of this one filter; None if it was not given."""
    if not values:
        return None
    if len(values) > 1:
        raise InvalidInput('got more than one value for filter key "dangling"')
    if values[0] not in ("true", "1", "false", "0"):
        raise InvalidInput('invalid value for filter \'dangling\', must be "true" (or "1"), or "false" (or "0")')
    return values[0] in ("true", "1")


def is_dangling(engine: Engine, network: BriefNetwork | Network) -> bool:
    """Whether a network of the user's has no running container."""
    return not network.predefined and not any(each.place.ip for each in engine.store.networks.of_network(network.id))


def _matches(network: BriefNetwork, wanted: Filters) -> bool:
    return (
        _any(wanted, "driver", lambda value: value == network.driver)
        and _any(wanted, "id", network.id.startswith)
        and _any(wanted, "name", lambda value: _names(value, network.name))
        and _any(wanted, "scope", lambda value: value == "local")
        and _any(wanted, "type", lambda value: (value == "builtin") == network.predefined)
        and labels_match(network.labels, wanted.get("label"))
    )


def _names(pattern: str, name: str) -> bool:
    """docker takes a name for a pattern, or for a part of the name."""
    import re

    try:
        return pattern in name or re.search(pattern, name) is not None
    except re.error:
        return False


def _any(wanted: Filters, key: str, test: Callable[[str], bool]) -> bool:
    values = wanted.get(key)
    return not values or any(test(value) for value in values)
