"""Where the demo day takes place: an imported map, and who lives and works at its addresses.

Comes in: `addresses.csv` of a map directory and a seed. Goes out: two hubs, suppliers and residents, all made up.
"""

import csv
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hub_backend.simulator.driving import Place, distance_m
from hub_backend.simulator.errors import DemoError
from hub_backend.simulator.residents import draw_step
from routing.places import Site

FEWEST_ADDRESSES = 80
HUBS = (("noord", "Buurthub Noord", 0.75), ("zuid", "Buurthub Zuid", 0.25))
"""Id, name, and where between south and north (as a quantile of the addresses), for a map without marks of its own."""

FIRST_NAMES = (
    "Aaltje Annie Bep Cor Dinie Evert Fenna Gerda Gerrit Greet Hanna Harm Hennie Ina Jannie Jo Koos Leida "
    "Mien Nel Piet Riek Roelof Sientje Stien Teun Tinie Toon Truus Wil Wim Zwaan Amina Hatice Mehmet "
    "Fatma Yusuf Sunita "
)
LAST_NAMES = (
    "Achterberg Beldman Brinkhuis Dommerholt Eshuis Feddema Groothuis Haverkate Iking Jansman Kolkman "
    "Lubbers Meutstege Nijhof Overkempe Paalman Reimert Scholten Tijhuis Uitslag Veldkamp Wesselink "
    "Yildiz Zwiers "
)


@dataclass(frozen=True, slots=True)
class Address:
    """A door on the map."""

    street: str
    number: str
    postcode: str
    lat: float
    lon: float

    @property
    def place(self) -> Place:
        return self.lat, self.lon


@dataclass(frozen=True, slots=True)
class Hub:
    id: str
    name: str
    address: Address


@dataclass(frozen=True, slots=True)
class Resident:
    """A made-up resident; `id` is the client number."""

    id: str
    name: str
    address: Address
    hub: str
    usual_step: int


@dataclass(frozen=True)
class Neighbourhood:
    """The map's people and places. `spare` are addresses where nobody of these lives, `sites` the suppliers' own."""

    hubs: tuple[Hub, ...]
    residents: tuple[Resident, ...]
    spare: tuple[Address, ...]
    sites: tuple[Address, ...] = ()

    def hub(self, name: str) -> Hub:
        return next(hub for hub in self.hubs if hub.id == name)


def read_addresses(map_dir: Path) -> list[Address]:
    """The addresses of an imported map, each once. Raises `DemoError` when there are too few for a day."""
    with (map_dir / "addresses.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            Address(row["street"], row["number"], row["postcode"], float(row["lat"]), float(row["lon"]))
            for row in csv.DictReader(file)
        ]
    doors = {(row.street, row.number): row for row in reversed(rows) if row.street and row.number}
    if len(doors) < FEWEST_ADDRESSES:
        raise DemoError(f"{map_dir}: {len(doors)} addresses, a demo day needs {FEWEST_ADDRESSES}; take another map")
    return sorted(doors.values(), key=lambda door: (door.street, door.number, door.lat, door.lon))


def settle(addresses: Sequence[Address], sites: Sequence[Site], *, residents: int, seed: int) -> Neighbourhood:
    """Two hubs and residents around them: of three, two live nearer to the first. `sites` are the map's own marks."""
    dice = random.Random(f"neighbourhood/{seed}")
    hubs = _hubs(addresses, sites)
    free = [address for address in addresses if all(address != hub.address for hub in hubs)]
    dice.shuffle(free)
    nearest = {address: min(hubs, key=lambda hub: distance_m(hub.address.place, address.place)) for address in free}
    wanted = {hubs[0].id: residents * 2 // 3, hubs[1].id: residents - residents * 2 // 3}
    living: list[Resident] = []
    spare: list[Address] = []
    for address in free:
        hub = nearest[address].id
        if wanted[hub] > 0:
            wanted[hub] -= 1
            living.append(_resident(dice, address, hub))
        else:
            spare.append(address)
    if sum(wanted.values()):
        raise DemoError(f"neighbourhood: {wanted} residents too few around the hubs of this map; take another map")
    suppliers = tuple(_marked(site) for site in sites if site.kind == "supplier")
    return Neighbourhood(hubs, tuple(living), tuple(spare), suppliers)


def _marked(site: Site) -> Address:
    return Address(site.name, "", "", site.lat, site.lon)


def _hubs(addresses: Sequence[Address], sites: Sequence[Site]) -> tuple[Hub, ...]:
    """Where the map marks them and as it calls them, else north and south in the middle."""
    marked = [_marked(site) for site in sites if site.kind == "hub"]
    if len(marked) >= len(HUBS):
        return tuple(Hub(name, door.street, door) for (name, _, _), door in zip(HUBS, marked, strict=False))
    lats = sorted(address.lat for address in addresses)
    lons = sorted(address.lon for address in addresses)
    found = []
    for name, title, share in HUBS:
        goal = (lats[int(len(lats) * share)], lons[len(lons) // 2])
        nearest = min(addresses, key=lambda address: distance_m(goal, address.place))
        found.append(Hub(name, title, nearest))
    return tuple(found)


def _resident(dice: random.Random, address: Address, hub: str) -> Resident:
    client = f"c-{dice.randrange(16**8):08x}"
    name = f"{dice.choice(FIRST_NAMES.split())} {dice.choice(LAST_NAMES.split())}"
    return Resident(client, name, address, hub, draw_step(dice))
