"""`docker container ls`: the containers, with what they are doing. On the quick path."""

from __future__ import annotations

from pallet.errors import InvalidInput, NoSuchContainer, NotFound
from pallet.ops.container_notice import noticed
from pallet.ops.filters import Filters, found_in, labels_match
from pallet.runtime import health_file
from pallet.runtime.paths import ContainerPaths
from pallet.runtime.state import status
from pallet.runtime.supervisor_file import is_supervised

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pallet.engine import Engine
    from pallet.runtime.state import Status
    from pallet.store.containers import Brief

FILTERS = (
    "ancestor",
    "before",
    "exited",
    "expose",
    "health",
    "id",
    "is-task",
    "isolation",
    "label",
    "name",
    "network",
    "publish",
    "since",
    "status",
    "volume",
)
_BRIDGE_ID = "0b" * 32  # pallet.store.networks has it too, which is not on the quick path
_STATES = ("created", "dead", "exited", "paused", "removing", "restarting", "running")


class ContainerSummary:
    """One container in a listing.

    Attributes:
        brief: what the store knows.
        status: what it is doing.
        image_name: what to call its image: the user's name for it, or its id if the name means another one by now.
        labels: its labels.
    """

    __slots__ = ("_engine", "_labels", "brief", "image_name", "status")

    def __init__(
        self, engine: Engine, brief: Brief, status: Status, image_name: str, labels: Callable[[], dict[str, str]]
    ) -> None:
        self._engine = engine
        self._labels = labels
        self.brief = brief
        self.status = status
        self.image_name = image_name

    @property
    def labels(self) -> dict[str, str]:
        """Its labels."""
        return self._labels()

    @property
    def ports(self) -> list[tuple[str, str, str]]:
        """Container port (`80/tcp`), host address and host port; the last two empty for a port only exposed."""
        if not self.status.running:
            return []
        published = self._engine.store.containers.published(self.brief.id)
        known = {port for port, _, _ in published}
        return published + [(port, "", "") for port in self._exposed() if port not in known]

    @property
    def names(self) -> list[str]:
        """Its name, and how the containers call it that have a link to it: `other/alias`."""
        linked = self._engine.store.containers.linked_to(self.brief.name)
        return sorted([self.brief.name, *(f"{other}/{alias}" for _, other, alias in linked)])

    @property
    def mounts(self) -> list[tuple[str, str, str]]:
        """Volume name (or ''), source and destination of each mount."""
        return self._engine.store.containers.mounted(self.brief.id)

    @property
    def health(self) -> str:
        """What its health checks say, `none` without any."""
        if not self.brief.checked:
            return "none"
        if not self.status.running:
            return health_file.UNHEALTHY
        paths = ContainerPaths(self._engine.settings, self.brief.id)
        return health_file.read_status(paths, self.brief.started, watched=is_supervised(paths))

    @property
    def network(self) -> str:
        """The network's name, as its mode has it."""
        return "bridge" if self.brief.network_mode == "default" else self.brief.network_mode

    @property
    def networks(self) -> list[str]:
        """The names of all its networks."""
        if self.network in ("host", "none"):
            return [self.network]
        query = (
            "SELECT endpoints.network, networks.id, networks.name FROM endpoints"
            " LEFT JOIN networks ON networks.id = endpoints.network WHERE container = ?"
        )
        rows = self._engine.store.db.rows(query, (self.brief.id,))
        return sorted(name or ("bridge" if id == _BRIDGE_ID else self.network) for id, _, name in rows)

    @property
    def network_ids(self) -> list[str]:
        """The ids of its networks."""
        query = "SELECT network FROM endpoints WHERE container = ?"
        return [id for (id,) in self._engine.store.db.rows(query, (self.brief.id,))]

    def _exposed(self) -> list[str]:
        return self._engine.store.containers.exposed(self.brief.id) if self.network != "host" else []


def list_containers(
    engine: Engine, *, all: bool = False, last: int = 0, filters: Iterable[tuple[str, str]] = ()
) -> list[ContainerSummary]:
    """The containers, newest first.

    Args:
        engine: whose store.
        all: also those that do not run.
        last: only so many of the newest, running or not; 0 for no limit.
        filters: docker's, see `FILTERS`.

    Raises:
        InvalidInput: a bad filter, with docker's text.
        NotFound: `before` or `since` an unknown container.
    """
    wanted = Filters(filters, FILTERS)
    selection = _Selection(engine, wanted)
    all = all or bool(last) or "status" in wanted
    names = _ImageNames(engine)
    labels: dict[str, dict[str, str]] | None = None

    def labels_of(id: str) -> dict[str, str]:
        nonlocal labels
        if labels is None:
            labels = engine.store.containers.labels()
        return labels.get(id, {})

    found: list[ContainerSummary] = []
    for brief in engine.store.containers.briefs():
        now = status(ContainerPaths(engine.settings, brief.id), brief)
        try:
            brief, now = noticed(engine, brief, now)
        except NoSuchContainer:
            continue
        if not now.running and now.name != "restarting" and not all:
            continue
        id = brief.id
        summary = ContainerSummary(engine, brief, now, names.shown(brief), lambda id=id: labels_of(id))  # type: ignore[misc]
        if not selection.takes(summary):
            continue
        found.append(summary)
        if last and len(found) == last:
            break
    return found


class _ImageNames:
    """What to call containers' images; each name is looked up once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._meant: dict[str, str] = {}

    def shown(self, brief: Brief) -> str:
        name = brief.image_name
        if name not in self._meant:
            try:
                self._meant[name] = self._engine.store.images.resolve(name).image
            except (NotFound, InvalidInput):
                self._meant[name] = ""
        if self._meant[name] == brief.image or not self._meant[name]:
            return name
        return brief.image[7:19]


class _Selection:
    """The filters, read once."""

    def __init__(self, engine: Engine, filters: Filters) -> None:
        self._engine = engine
        self._filters = filters
        for value in filters.get("status"):
            if value not in _STATES:
                raise InvalidInput(f"Invalid filter 'status={value}'")
        for value in filters.get("is-task"):
            if value not in ("true", "1", "false", "0"):
                raise InvalidInput(f"Invalid filter 'is-task=[{value}]'")
        for key in ("publish", "expose"):
            for value in filters.get(key):
                _check_port(key, value)
        for value in filters.get("health"):
            if value not in health_file.STATUSES:
                raise InvalidInput(f"Unrecognised filter value for health: {value}")
        self._exited = [self._number(value) for value in filters.get("exited")]
        self._before = [self._created(value) for value in filters.get("before")]
        self._since = [self._created(value) for value in filters.get("since")]
        self._ancestors = [image for value in filters.get("ancestor") for image in self._descendants(value)]

    def takes(self, summary: ContainerSummary) -> bool:
        brief, now, get = summary.brief, summary.status, self._filters.get
        return (
            self._any("id", lambda value: bool(value) and brief.id.startswith(value))
            and self._any("is-task", lambda value: value in ("false", "0"))  # of a swarm, which there is none of
            and self._any("name", lambda value: self._matches(value, brief.name))
            and self._any("status", lambda value: now.name == value)
            and self._any("health", lambda value: summary.health == value)
            and self._any("network", lambda value: not value or value in (*summary.networks, *summary.network_ids))
            and (not self._exited or (now.name == "exited" and now.exit_code in self._exited))
            and all(brief.created < moment for moment in self._before)
            and all(brief.created > moment for moment in self._since)
            and ("ancestor" not in self._filters or brief.image in self._ancestors)
            and (not get("label") or labels_match(summary.labels, get("label")))
            and self._any("publish", lambda value: _has_port(value, _published(summary.ports)))
            and self._any("expose", lambda value: _has_port(value, [port for port, _, _ in summary.ports]))
            and self._any("volume", lambda value: any(value in mount for mount in summary.mounts))
        )

    def _any(self, key: str, test: Callable[[str], bool]) -> bool:
        values = self._filters.get(key)
        return not values or any(test(value) for value in values)

    def _matches(self, pattern: str, name: str) -> bool:
        return found_in(pattern, f"/{name}") or found_in(pattern, name)

    def _number(self, text: str) -> int:
        try:
            return int(text)
        except ValueError:
            raise InvalidInput(f'strconv.Atoi: parsing "{text}": invalid syntax') from None

    def _created(self, name: str) -> int:
        containers = self._engine.store.containers
        try:
            return containers.brief(containers.find_id(name)).created
        except NotFound as error:
            raise NotFound(f"no such container {name}") from error

    def _descendants(self, name: str) -> list[str]:
        """The image with this name, and those made from it here."""
        try:
            found: list[str] = [self._engine.store.images.resolve(name).image]
        except (NotFound, InvalidInput):
            return []
        from pallet.digest import Digest

        for image in found:
            found += self._engine.store.images.children(Digest(image))
        return found


def _check_port(key: str, wanted: str) -> None:
    from pallet.network.ports import range_problem

    if problem := range_problem(wanted.partition("/")[0]):
        raise InvalidInput(f"error while looking up for {key} {wanted}: {problem}")


def _published(ports: list[tuple[str, str, str]]) -> list[str]:
    """The host's side of ports: docker's filter means that one."""
    return [f"{host}/{port.partition('/')[2]}" for port, _, host in ports if host]


def _has_port(wanted: str, ports: list[str]) -> bool:
    number, _, protocol = wanted.partition("/")
    first, _, last = number.partition("-")
    allowed = {f"{port}/{protocol or 'tcp'}" for port in range(int(first), int(last or first) + 1)}
    return not allowed.isdisjoint(ports)
