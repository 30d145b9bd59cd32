"""`engine.networks`, as docker-py knows it."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pallet.errors import InvalidInput, Unsupported
from pallet.sdk.arguments import Filters, Links, filter_pairs, joined
from pallet.sdk.model import Collection, Model

if TYPE_CHECKING:
    from pallet.sdk.container import Container
    from pallet.sdk.engine import Engine


class Network(Model):
    """One network. `engine.networks` makes these. Two are equal if they have the same id.

    Args:
        engine: whose store.
        id: the network's full id.
        name: its name.
    """

    def __init__(self, engine: Engine, id: str, name: str) -> None:
        super().__init__(engine, id)
        self._name = name

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def containers(self) -> builtins.list[Container]:
        """The running containers in it, as `attrs` knows them."""
        return [self._engine.containers.get(id) for id in self.attrs["Containers"]]

    def connect(
        self,
        container: str | Container,
        ipv4_address: str | None = None,
        ipv6_address: str | None = None,
        aliases: Sequence[str] | None = None,
        links: Links | None = None,
        link_local_ips: Sequence[str] | None = None,
        driver_opt: Mapping[str, str] | None = None,
        mac_address: str | None = None,
    ) -> None:
        """Make a container a part of it; if it runs, at once.

        Args:
            container: a container, or its name or id.
            ipv4_address: the address it has to get.
            ipv6_address: likewise.
            aliases: more names for it here.
            links: `{"container": "alias"}`, or `[("container", "alias")]`: what it calls others here.
            link_local_ips: more addresses, of 169.254.0.0/16 or fe80::/64.
            driver_opt: options of the driver; recorded only.
            mac_address: the hardware address it has to get.

        Raises:
            NoSuchContainer, NotFound: the container or the network is gone.
            Forbidden, Conflict, InvalidInput: it cannot be done.
        """
        from pallet.ops.network_connect import connect_network
        from pallet.store.container_record import EndpointSettings

        settings = EndpointSettings(
            aliases=tuple(aliases or ()),
            ip=ipv4_address or "",
            ip6=ipv6_address or "",
            mac=mac_address or "",
            links=tuple(joined(links or ())),
            link_local_ips=tuple(link_local_ips or ()),
            driver_options=dict(driver_opt or {}),
            connected=True,
        )
        connect_network(self._engine, self._id, _container_id(container), settings)

    def disconnect(self, container: str | Container, force: bool = False) -> None:
        """Take a container out of it; if it runs, at once.

        Args:
            container: a container, or its name or id.
            force: as docker-py has it; makes no difference.

        Raises:
            NoSuchContainer, NotFound: the container or the network is gone.
            Conflict, Forbidden: it is not in it, or cannot leave it.
        """
        from pallet.ops.network_connect import disconnect_network

        disconnect_network(self._engine, self._id, _container_id(container))

    def remove(self) -> None:
        """Remove it.

        Raises:
            NotFound: it is gone.
            Forbidden: it is predefined, or running containers are in it.
        """
        from pallet.ops.network_remove import remove_network

        remove_network(self._engine, self._id)

    def _inspect(self) -> dict[str, Any]:
        from pallet.ops.network_inspect import inspect_network

        return inspect_network(self._engine, self._id)

    def __repr__(self) -> str:
        return f"<Network: {self._name}>"


class Networks(Collection):
    """The networks of an engine's store."""

    def create(
        self,
        name: str,
        driver: str | None = None,
        options: Mapping[str, object] | None = None,
        ipam: Mapping[str, Any] | None = None,
        check_duplicate: bool | None = None,
        internal: bool = False,
        labels: Mapping[str, str] | None = None,
        enable_ipv6: bool = False,
        attachable: bool | None = None,
        scope: str | None = None,
        ingress: bool | None = None,
    ) -> Network:
        """Make a network.

        Args:
            name: its name.
            driver: only `bridge`.
            options: of the driver, such as `com.docker.network.driver.mtu`.
            ipam: `{"Config": [{"Subnet": ..., "Gateway": ..., "IPRange": ..., "AuxiliaryAddresses": {...}}]}`, or
                a `pallet.types.IPAMConfig`.
            check_duplicate: changes nothing: two networks never have one name.
            internal: no way out.
            labels: labels.
            enable_ipv6: whether containers get addresses of the IPv6 subnet, which `ipam` names.
            attachable: recorded only.
            scope: only `local`.
            ingress: a swarm's; only False.

        Raises:
            Conflict, Forbidden: the name or the subnet is taken.
            InvalidInput: an address that makes no sense.
            NotFound: another driver.
            Unsupported: IPv6 without a subnet, another scope, or a swarm's network.

        Example:
            >>> engine.networks.create("backend", ipam={"Config": [{"Subnet": "10.1.0.0/24"}]})
            <Network: backend>
        """
        from pallet.ops.network_create import NetworkOptions, PoolOptions, create_network

        if ingress or scope not in (None, "local"):
            raise Unsupported("networks of a swarm are not supported")
        configs = (ipam or {}).get("Config") or []
        unknown = {key for pool in configs for key in pool} - {"Subnet", "Gateway", "IPRange", "AuxiliaryAddresses"}
        if unknown:
            raise InvalidInput(f"unknown in an address pool: {', '.join(sorted(unknown))}")
        made = create_network(
            self._engine,
            NetworkOptions(
                name=name,
                driver=driver or "bridge",
                pools=tuple(
                    PoolOptions(
                        pool.get("Subnet") or "",
                        pool.get("Gateway") or "",
                        pool.get("IPRange") or "",
                        dict(pool.get("AuxiliaryAddresses") or {}),
                    )
                    for pool in configs
                ),
                internal=internal,
                attachable=bool(attachable),
                ipv6=enable_ipv6,
                options={key: str(value) for key, value in (options or {}).items()},
                labels=dict(labels or {}),
            ),
        )
        return Network(self._engine, made.id, made.name)

    def get(self, network_id: str) -> Network:
        """The network with an id, a name, or the beginning of an id.

        Raises:
            NotFound: there is none.
        """
        from pallet.ops.network_inspect import find_network

        found = find_network(self._engine, network_id)
        return Network(self._engine, found.id, found.name)

    def list(
        self,
        names: Sequence[str] | None = None,
        ids: Sequence[str] | None = None,
        filters: Filters | None = None,
        greedy: bool = False,
    ) -> builtins.list[Network]:
        """The networks, by name.

        Args:
            names: only those with one of these in their names.
            ids: only those whose ids begin with one of these.
            filters: `dangling`, `driver`, `id`, `label`, `name`, `scope`, `type`; a value, or a list of them.
            greedy: read the `attrs` of each at once.

        Raises:
            InvalidInput: a bad filter.
        """
        from pallet.ops.network_list import list_networks

        pairs = filter_pairs(filters)
        pairs += [("name", name) for name in names or ()] + [("id", id) for id in ids or ()]
        found = [Network(self._engine, each.id, each.name) for each in list_networks(self._engine, filters=pairs)]
        for network in found if greedy else ():
            network.reload()
        return found

    def prune(self, filters: Filters | None = None, *, dry_run: bool = False) -> dict[str, Any]:
        """Remove the networks that no running container is in.

        Args:
            filters: `until`, `label`, `label!`.
            dry_run: only tell what would go.

        Returns:
            `NetworksDeleted`, a list of names.

        Raises:
            InvalidInput: a bad filter.
        """
        from pallet.ops.network_remove import prune_networks

        return {"NetworksDeleted": prune_networks(self._engine, filters=filter_pairs(filters), dry_run=dry_run)}


def _container_id(container: str | Container) -> str:
    return container if isinstance(container, str) else container.id
