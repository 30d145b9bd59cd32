"""Networks and who joins them, in the database.

`bridge`, `host` and `none` are always there and have no rows; their ids are fixed.
"""

from __future__ import annotations

import msgspec

from pallet.digest import HEX_DIGITS
from pallet.errors import Conflict, InvalidInput, NotFound
from pallet.oci.codec import decode, encode
from pallet.store.container_record import EndpointSettings, NetworkState
from pallet.store.db import Database
from pallet.store.network_names import ALWAYS_THERE, BRIDGE_ID, HOST_ID, NONE_ID, PREDEFINED_IDS

__all__ = ["BRIDGE", "BRIDGE_ID", "HOST_ID", "NONE_ID", "PREDEFINED", "Endpoint", "Network", "Networks", "Pool6"]


class Pool6(msgspec.Struct, frozen=True, omit_defaults=True):
    """A network's IPv6 addresses.

    Attributes:
        subnet: such as `fd00:1::/64`.
        gateway: the bridge's own address.
        ip_range: the part of the subnet that containers get addresses from; empty for all of it.
        aux_addresses: names and addresses that no container gets.
        own_gateway: whether the gateway is the user's.
        written: the subnet as the user wrote it.
    """

    subnet: str
    gateway: str
    ip_range: str = ""
    aux_addresses: dict[str, str] = {}
    own_gateway: bool = False
    written: str = ""


class Network(msgspec.Struct, frozen=True, omit_defaults=True):
    """One network.

    Attributes:
        id: 64 hex digits.
        name: its name.
        created: nanoseconds since the epoch; 0 for the predefined ones.
        driver: `bridge`, `host` or `null`.
        subnet: such as `172.18.0.0/16`; empty for the default bridge, whose subnet is chosen when it is made.
        gateway: the bridge's own address.
        ip_range: the part of the subnet that containers get addresses from; empty for all of it.
        aux_addresses: names and addresses that no container gets.
        chosen: whether the subnet was chosen, and not the user's.
        own_gateway: whether the gateway is the user's.
        internal: whether there is no way out.
        attachable: docker's flag for swarms; recorded only.
        options: of the driver, docker's names.
        labels: its labels.
        ipam_options: of the address management; recorded only.
        written: the subnet as the user wrote it.
        ipv6: whether containers get IPv6 addresses.
        pool6: the IPv6 subnet; without `ipv6` recorded only.
        config_only: whether it only lends its settings to other networks.
        config_from: the network whose settings it has.
    """

    id: str
    name: str
    created: int = 0
    driver: str = "bridge"
    subnet: str = ""
    gateway: str = ""
    ip_range: str = ""
    aux_addresses: dict[str, str] = {}
    chosen: bool = True
    own_gateway: bool = False
    internal: bool = False
    attachable: bool = False
    options: dict[str, str] = {}
    labels: dict[str, str] = {}
    ipam_options: dict[str, str] = {}
    written: str = ""
    ipv6: bool = False
    pool6: Pool6 | None = None
    config_only: bool = False
    config_from: str = ""

    @property
    def predefined(self) -> bool:
        """Whether it is one of those that are always there."""
        return self.id in PREDEFINED_IDS

    @property
    def link(self) -> str:
        """The name of its bridge, a network link of the host."""
        if self.id == BRIDGE_ID:
            return "pallet0"
        return self.options.get("com.docker.network.bridge.name") or f"br-{self.id[:12]}"

    @property
    def link_prefix(self) -> str:
        """How the names of its containers' links begin."""
        return self.options.get("com.docker.network.container_iface_prefix") or "eth"

    def switch(self, option: str, default: bool) -> bool:
        """The value of an option of the driver that is on or off."""
        text = self.options.get(option, "")
        return text.lower() in ("1", "t", "true") if text else default


class Endpoint(msgspec.Struct, frozen=True):
    """A container's part in a network.

    Attributes:
        container: its id.
        network: the network's id.
        settings: what the user asks for.
        place: where it is, while the container runs.
    """

    container: str
    network: str
    settings: EndpointSettings
    place: NetworkState


BRIDGE = Network(BRIDGE_ID, "bridge")
PREDEFINED = tuple(Network(id, name, driver=driver) for id, name, driver in ALWAYS_THERE)


class Networks:
    """The networks of one store."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, network: Network) -> None:
        """Record a network.

        Raises:
            Conflict: the name is taken, with docker's text.
        """
        with self._db.transaction() as connection:
            if connection.execute("SELECT 1 FROM networks WHERE name = ?", (network.name,)).fetchone():
                raise Conflict(f"network with name {network.name} already exists")
            connection.execute(
                "INSERT INTO networks (id, name, created, record) VALUES (?, ?, ?, ?)",
                (network.id, network.name, network.created, encode(network)),
            )

    def all(self) -> list[Network]:
        """All networks, the predefined ones too, by name."""
        own = [decode(row[0], Network, "a network's record") for row in self._db.rows("SELECT record FROM networks")]
        return sorted((*PREDEFINED, *own), key=lambda network: network.name)

    def get(self, id: str) -> Network:
        """The network with this full id.

        Raises:
            NotFound: there is none.
        """
        for network in PREDEFINED:
            if network.id == id:
                return network
        row = self._db.row("SELECT record FROM networks WHERE id = ?", (id,))
        if row is None:
            raise NotFound(f"network {id} not found")
        return decode(row[0], Network, "a network's record")

    def find(self, name: str) -> Network:
        """The network with this id, name, or unique id prefix, in that order, as docker looks them up.

        Raises:
            NotFound: there is none; docker's text of the daemon.
            InvalidInput: several ids begin with this prefix.
        """
        for network in PREDEFINED:
            if name in (network.id, network.name):
                return network
        for column in ("id", "name"):
            row = self._db.row(f"SELECT record FROM networks WHERE {column} = ?", (name,))
            if row:
                return decode(row[0], Network, "a network's record")
        found = []
        if name and HEX_DIGITS.issuperset(name):
            rows = self._db.rows("SELECT record FROM networks WHERE id GLOB ? LIMIT 2", (name + "*",))
            found = [decode(row[0], Network, "a network's record") for row in rows]
            found += [network for network in PREDEFINED if network.id.startswith(name)]
        if len(found) > 1:
            raise InvalidInput(f"network {name} is ambiguous ({len(found)} matches found on ID prefix)")
        if not found:
            raise NotFound(f"network {name} not found")
        return found[0]

    def remove(self, id: str) -> None:
        """Forget a network; containers that do not run may still want to join it, and will miss it."""
        with self._db.transaction() as connection:
            connection.execute("DELETE FROM networks WHERE id = ?", (id,))

    def join(self, container: str, network: str, settings: EndpointSettings) -> None:
        """Record that a container belongs to a network; one that does already gets the new settings."""
        with self._db.transaction() as connection:
            connection.execute(
                "INSERT INTO endpoints (container, network, position, settings) VALUES (?, ?,"
                " (SELECT ifnull(max(position), -1) + 1 FROM endpoints WHERE container = ?), ?)"
                " ON CONFLICT DO UPDATE SET settings = excluded.settings",
                (container, network, container, encode(settings)),
            )

    def leave(self, container: str, network: str) -> None:
        """Record that a container does not belong to a network any more."""
        with self._db.transaction() as connection:
            connection.execute("DELETE FROM endpoints WHERE container = ? AND network = ?", (container, network))

    def set_place(self, container: str, network: str, place: NetworkState) -> None:
        """Record where a running container is; an empty place when it has ended."""
        with self._db.transaction() as connection:
            connection.execute(
                "UPDATE endpoints SET place = ? WHERE container = ? AND network = ?",
                (encode(place), container, network),
            )

    def of_container(self, container: str) -> list[Endpoint]:
        """A container's part in each of its networks, in the order of joining."""
        return self._endpoints("container", container)

    def of_network(self, network: str) -> list[Endpoint]:
        """All containers' parts in a network."""
        return self._endpoints("network", network)

    def _endpoints(self, column: str, value: str) -> list[Endpoint]:
        rows = self._db.rows(
            f"SELECT container, network, settings, place FROM endpoints WHERE {column} = ? ORDER BY position", (value,)
        )
        return [
            Endpoint(
                row[0],
                row[1],
                decode(row[2], EndpointSettings, "an endpoint's settings"),
                decode(row[3], NetworkState, "an endpoint's place"),
            )
            for row in rows
        ]
