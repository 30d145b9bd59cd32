"""docker's links on the default bridge: names in /etc/hosts, and variables that tell of the other container.

Source: docker's documentation of legacy container links.
"""

from __future__ import annotations

import msgspec

from pallet.engine import Engine
from pallet.errors import HostError, NoSuchContainer
from pallet.network.ports import sort_key
from pallet.ops.container_state import current
from pallet.store.container_record import ContainerRecord
from pallet.store.networks import BRIDGE_ID

_NOT_TOLD = ("HOME", "PATH")


class Link(msgspec.Struct, frozen=True):
    """A link to a running container.

    Attributes:
        target: the container.
        alias: what the other one calls it.
        ip: its address.
    """

    target: ContainerRecord
    alias: str
    ip: str


def legacy_links(engine: Engine, record: ContainerRecord) -> list[Link]:
    """The links of a container on the default bridge.

    Raises:
        HostError: one of the others does not run, or is not on that bridge, in docker's words.
    """
    out = []
    own = {each.network for each in engine.store.networks.of_container(record.id)}
    pairs = [word.partition(":")[::2] for word in record.host.links]
    linked = [(_target(engine, record, name, alias), alias) for name, alias in pairs]
    for target, _ in linked:
        if BRIDGE_ID not in {each.network for each in engine.store.networks.of_container(target.id)}:
            raise HostError(f"Cannot link to /{target.name}, as it does not belong to the default network")
    for target, alias in linked:
        _, now = current(engine, target.id)
        alias = alias or target.name
        if not now.running:
            raise HostError(f"Cannot link to a non running container: /{target.name} AS /{record.name}/{alias}")
        places = [each.place for each in engine.store.networks.of_container(target.id) if each.network in own]
        ip = next((place.ip for place in places if place.ip), engine.store.containers.state(target.id).network.ip)
        out.append(Link(target, alias, ip))
    return out


def _target(engine: Engine, record: ContainerRecord, name: str, alias: str) -> ContainerRecord:
    try:
        return engine.store.containers.find(name)
    except NoSuchContainer:
        text = f"Cannot link to a non running container: /{name} AS /{record.name}/{alias or name}"
        raise HostError(text) from None


def link_variables(engine: Engine, record: ContainerRecord) -> list[str]:
    """The environment variables that tell a container of those it is linked to.

    Raises:
        HostError: as `legacy_links`.
    """
    out = []
    for link in legacy_links(engine, record):
        word = link.alias.upper().replace("-", "_")
        ports = sorted(link.target.config.exposed_ports or (), key=sort_key)
        for place, port in enumerate(ports):
            number, _, protocol = port.partition("/")
            address = f"{protocol}://{link.ip}:{number}"
            if place == 0:
                out.append(f"{word}_PORT={address}")
            name = f"{word}_PORT_{number}_{protocol.upper()}"
            out += [f"{name}={address}", f"{name}_ADDR={link.ip}", f"{name}_PORT={number}", f"{name}_PROTO={protocol}"]
        out.append(f"{word}_NAME=/{record.name}/{link.alias}")
        variables = (variable for variable in link.target.config.env or () if "=" in variable)
        out += [f"{word}_ENV_{each}" for each in variables if each.partition("=")[0] not in _NOT_TOLD]
    return out
