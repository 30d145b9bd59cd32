"""Networks as a listing shows them. On the quick path: the whole record of one is in `pallet.store.networks`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.store.db import Database

BRIDGE_ID = "0b" * 32
HOST_ID = "0c" * 32
NONE_ID = "0d" * 32

ALWAYS_THERE = ((BRIDGE_ID, "bridge", "bridge"), (HOST_ID, "host", "host"), (NONE_ID, "none", "null"))
"""The networks that have no rows: id, name and driver."""
PREDEFINED_IDS = frozenset((BRIDGE_ID, HOST_ID, NONE_ID))
_RECORD = "CAST(record AS TEXT)"
_BRIEF = (
    f"SELECT id, name, created, ifnull(json_extract({_RECORD}, '$.driver'), 'bridge'),"
    f" ifnull(json_extract({_RECORD}, '$.internal'), 0), ifnull(json_extract({_RECORD}, '$.ipv6'), 0),"
    f" ifnull(json_extract({_RECORD}, '$.labels'), '{{}}') FROM networks"
)


class BriefNetwork:
    """What listing shows of a network; the fields are those of `pallet.store.networks.Network`."""

    __slots__ = ("created", "driver", "id", "internal", "ipv6", "labels", "name")

    def __init__(
        self, id: str, name: str, created: int, driver: str, internal: bool, ipv6: bool, labels: dict[str, str]
    ) -> None:
        self.id = id
        self.name = name
        self.created = created
        self.driver = driver
        self.internal = internal
        self.ipv6 = ipv6
        self.labels = labels

    @property
    def predefined(self) -> bool:
        """Whether it is one of those that are always there."""
        return self.id in PREDEFINED_IDS


def brief_networks(db: Database) -> list[BriefNetwork]:
    """All networks, the predefined ones too, by name."""
    found = [BriefNetwork(id, name, 0, driver, False, False, {}) for id, name, driver in ALWAYS_THERE]
    rows = db.rows(_BRIEF)
    if rows:
        from pallet.oci.quickjson import parse_object

        for id, name, created, driver, internal, ipv6, labels in rows:
            labels = parse_object(labels.encode(), "a network's record")
            found.append(BriefNetwork(id, name, created, driver, bool(internal), bool(ipv6), labels))
    return sorted(found, key=lambda network: network.name)
