from hub_backend.record import ShipmentRow
from hub_backend.reporting.figures import bulk_trips

T = 1_795_422_600.0


def shipment(supplier: str, hub: str, at_s: float, km: float | None = None) -> ShipmentRow:
    return ShipmentRow(id=f"{supplier}-{hub}-{at_s}", supplier=supplier, hub=hub, day="2026-11-23", t_s=T + at_s, km=km)


def hubs(trips: list[list[ShipmentRow]]) -> list[list[str]]:
    return [[row.hub for row in trip] for trip in trips]


def test_a_supplier_that_comes_to_two_hubs_in_a_row_made_one_trip() -> None:
    rows = [shipment("pan", "north", 0), shipment("es", "north", 300), shipment("pan", "south", 900)]
    assert hubs(bulk_trips(rows)) == [["north", "south"], ["north"]]


def test_a_supplier_that_comes_again_hours_later_made_two() -> None:
    assert hubs(bulk_trips([shipment("pan", "north", 0), shipment("pan", "north", 9000)])) == [["north"], ["north"]]


def test_kilometres_that_were_told_are_a_trip_of_their_own() -> None:
    rows = [shipment("pan", "north", 0, km=12.0), shipment("pan", "south", 300), shipment("pan", "north", 600)]
    assert hubs(bulk_trips(rows)) == [["north"], ["south", "north"]]
