"""Where people of the made-up neighbourhood work: the market square, two hubs, suppliers along the roads out."""

from math import atan2, cos, sin

from routing.neighbourhood.grid import BRIDGE_COLUMN, ROWS, Bend, Crossing, middle_of
from routing.neighbourhood.shapes import Crowd, Spot, apart, box
from routing.neighbourhood.sheet import Sheet
from routing.neighbourhood.streets import approaches

HUBS = {"Buurthub Noord": (2, ROWS - 2), "Buurthub Zuid": (6, 1)}
SUPPLIERS = {
    "Noorderweg": ("Wasserij Helder", "Zorgwinkel Oost"),
    "Zuiderweg": ("Keuken De Pan", "Supermarkt Boons"),
    "Oosterweg": ("Pakketpunt Oost", "Bakkerij Graan"),
    "Westerweg": ("Apotheek De Linde",),
}


def draw_sites(sheet: Sheet, bend: Bend, *, roads: Crowd, built: Crowd) -> None:
    """Put them on the sheet, and their buildings among what is built."""
    square = middle_of((BRIDGE_COLUMN, 5), bend)
    sheet.area(box(square, 0.1, 90.0, 70.0), {"place": "square", "name": "Marktplein"})
    sheet.site("market", "Marktplein", _beside_road(square, roads))
    for name, cell in HUBS.items():
        _draw_hub(sheet, name, cell, bend, roads=roads, built=built)
    for street in approaches(bend):
        end = street.line[-2]
        for index, supplier in enumerate(SUPPLIERS[street.name]):
            spot = (end[0] + 34.0 * (1 if index else -1), end[1] + 30.0)
            sheet.area(box(spot, 0.0, 34.0, 22.0), {"building": "commercial", "name": supplier})
            built.add(spot)
            sheet.site("supplier", supplier, spot)


def _draw_hub(sheet: Sheet, name: str, cell: Crossing, bend: Bend, *, roads: Crowd, built: Crowd) -> None:
    """A building beside the road nearest to the middle of a cell, with land around it."""
    spot = _beside_road(middle_of(cell, bend), roads)
    sheet.area(box(spot, 0.05, 46.0, 34.0), {"landuse": "commercial"})
    sheet.area(box(spot, 0.05, 24.0, 14.0), {"building": "commercial", "name": name})
    built.add(spot)
    sheet.site("hub", name, spot)


def _beside_road(spot: Spot, roads: Crowd) -> Spot:
    road = min(roads.all, key=lambda other: apart(spot, other))
    away = atan2(spot[1] - road[1], spot[0] - road[0])
    return road[0] + 26.0 * cos(away), road[1] + 26.0 * sin(away)
