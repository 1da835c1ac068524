"""The house numbers of a map, found by street and number: `addresses.csv` with street, number, postcode, lat, lon."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from routing.places import Address, MapError

_COLUMNS = ["street", "number", "postcode", "lat", "lon"]


class Addresses:
    """All addresses of a map; looking one up ignores case and spaces."""

    def __init__(self, rows: Iterable[Address]) -> None:
        self._rows = tuple(rows)
        self._by_key: dict[tuple[str, str], list[Address]] = {}
        for row in self._rows:
            self._by_key.setdefault(_key(row.street, row.number), []).append(row)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Address]:
        return iter(self._rows)

    def find(self, street: str, number: str, postcode: str = "") -> Address | None:
        """The address, or None where the map does not know it; a postcode tells apart streets of the same name.

        A map without a postcode at this address does not contradict the one asked for.
        """
        found = self._by_key.get(_key(street, number), [])
        wanted = _squeeze(postcode)
        if not wanted:
            return found[0] if found else None
        exact = [row for row in found if _squeeze(row.postcode) == wanted]
        silent = [row for row in found if not row.postcode]
        return next(iter(exact + silent), None)

    def save(self, path: Path) -> None:
        """Write the csv, coordinates to 7 decimals (1 cm)."""
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(_COLUMNS)
            for row in self._rows:
                writer.writerow([row.street, row.number, row.postcode, f"{row.lat:.7f}", f"{row.lon:.7f}"])

    @classmethod
    def load(cls, map_dir: Path) -> "Addresses":
        """Read `addresses.csv` of a map directory.

        Raises:
            MapError: absent or not of this form; the message names the line.
        """
        path = map_dir / "addresses.csv"
        try:
            with path.open(encoding="utf-8", newline="") as file:
                return cls(_rows(path, csv.reader(file)))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise MapError(f"{path}: no readable addresses: {error}") from error


def _rows(path: Path, lines: Iterator[list[str]]) -> list[Address]:
    if next(lines, None) != _COLUMNS:
        raise MapError(f"{path}: the first line is not {','.join(_COLUMNS)}")
    rows: list[Address] = []
    for number, line in enumerate(lines, start=2):
        try:
            street, house, postcode, lat, lon = line
            rows.append(Address(street, house, postcode, float(lat), float(lon)))
        except ValueError as error:
            raise MapError(f"{path}, line {number}: {error}") from error
    return rows


def _key(street: str, number: str) -> tuple[str, str]:
    return " ".join(street.casefold().split()), _squeeze(number)


def _squeeze(text: str) -> str:
    return "".join(text.casefold().split())
