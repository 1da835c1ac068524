"""The map's addresses: where a street and number lie, so that no geocoder outside ever learns an address.

Comes in: `addresses.csv` of an imported map (street,number,postcode,lat,lon). Goes out: latitude and longitude.
"""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

SAME_DOOR_DEG = 0.0006
"""About 60 m north-south, 40 m east-west."""


class Address(NamedTuple):
    street: str
    number: str
    postcode: str
    lat: float
    lon: float


def _folded(text: str) -> str:
    return "".join(text.split()).casefold()


class AddressBook:
    """Finds an address by street and number, and by postcode where it is given."""

    def __init__(self, addresses: Iterable[Address]) -> None:
        self._by_door: dict[tuple[str, str], list[Address]] = {}
        for address in addresses:
            self._by_door.setdefault((_folded(address.street), _folded(address.number)), []).append(address)

    @classmethod
    def load(cls, map_dir: Path | None) -> "AddressBook":
        """The book of a map; empty when there is no map or it has no addresses."""
        path = None if map_dir is None else map_dir / "addresses.csv"
        if path is None or not path.exists():
            return cls(())
        with path.open(encoding="utf-8", newline="") as file:
            return cls([_address(row) for row in csv.DictReader(file)])

    def __len__(self) -> int:
        return sum(len(doors) for doors in self._by_door.values())

    def find(self, street: str, number: str, postcode: str = "") -> Address | None:
        """The address, or None when it is not on the map or when two places could be meant."""
        doors = self._by_door.get((_folded(street), _folded(number)), [])
        if postcode:
            exact = [door for door in doors if _folded(door.postcode) == _folded(postcode)]
            # A map without postcodes still knows its streets.
            doors = exact or [door for door in doors if not door.postcode]
        return doors[0] if doors and all(_near(doors[0], door) for door in doors) else None


def _near(one: Address, other: Address) -> bool:
    """Whether two entries are the same door: a building and its entrance are often both on the map."""
    return abs(one.lat - other.lat) < SAME_DOOR_DEG and abs(one.lon - other.lon) < SAME_DOOR_DEG


def _address(row: dict[str, str]) -> Address:
    return Address(row["street"], row["number"], row["postcode"], float(row["lat"]), float(row["lon"]))
