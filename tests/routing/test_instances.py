"""Benchmark files: what they say is read, what they cannot mean is refused by line and field."""

import re
import tomllib
from fractions import Fraction
from pathlib import Path

import pytest

from routing import bench_command
from routing.instances import InstanceError, parse, read
from routing.recount import recount

SOLOMON = """made-up

VEHICLE
NUMBER     CAPACITY
  3         20

CUSTOMER
CUST NO.  XCOORD.   YCOORD.    DEMAND   READY TIME  DUE DATE   SERVICE TIME

    0      0         0          0          0        100          0
    1      3         4          5         10         50          2
    2      1         1          5          0         60.5        2
    3      0        10         20          0         70          2
"""

VRPLIB = """NAME: made-up
TYPE: MTVRPTWR
EDGE_WEIGHT_TYPE: EUC_2D
DIMENSION: 4
VEHICLES: 2
CAPACITY: 10
SERVICE_TIME: 2
NODE_COORD_SECTION
1 0 0
2 3 4
3 1 1
4 0 -10
DEMAND_SECTION
1 0
2 5
3 5
4 10
TIME_WINDOW_SECTION
1 0 100
2 10 50
3 0 60
4 0 70
RELEASE_TIME_SECTION
1 0
2 0
3 7
4 0
VEHICLES_RELOAD_DEPOT_SECTION
1 1
2 1
DEPOT_SECTION
1
EOF
"""

MATRIX = """NAME : three
TYPE : CVRP
DIMENSION : 3
CAPACITY : 2
EDGE_WEIGHT_TYPE : EXPLICIT
EDGE_WEIGHT_FORMAT : FULL_MATRIX
EDGE_WEIGHT_SECTION
0 5 6
7 0 8
9 10 0
DEMAND_SECTION
1 0
2 1
3 1
DEPOT_SECTION
 1
 -1
EOF
"""


def solomon(line: str, instead: str) -> str:
    assert line in SOLOMON
    return SOLOMON.replace(line, instead)


def vrplib(line: str, instead: str) -> str:
    assert line in VRPLIB
    return VRPLIB.replace(line, instead, 1)


def test_solomon_file_is_read_in_tenths() -> None:
    instance = parse(SOLOMON, "made-up")
    assert (instance.scale, instance.vehicles, instance.capacity) == (10, 3, 20)
    assert instance.travel[0] == (0, 50, 14, 100)  # the square root of 2 truncated to one decimal
    assert instance.early == (0, 100, 0, 0)
    assert instance.late == (1000, 500, 605, 700)
    assert instance.service == (0, 20, 20, 20)
    assert instance.max_reloads == 0


def test_vrplib_file_with_trips_and_releases_is_read() -> None:
    instance = parse(VRPLIB, "made-up")
    assert instance.release == (0, 0, 70, 0)
    assert instance.max_reloads is None
    assert instance.travel[0][3] == 100
    assert instance.service == (0, 20, 20, 20)


def test_distances_given_outright_are_kept_as_they_are() -> None:
    instance = parse(MATRIX, "three")
    assert instance.scale == 1
    assert instance.travel == ((0, 5, 6), (7, 0, 8), (9, 10, 0))
    assert instance.late == (None, None, None)
    assert not instance.has_windows


@pytest.mark.parametrize(("distances", "expected"), [("dimacs", 14), ("round", 1), ("trunc", 1), ("exact", 1414)])
def test_lengths_become_numbers_as_asked(distances: str, expected: int) -> None:
    assert parse(SOLOMON, "made-up", distances).travel[0][2] == expected


def test_lower_rows_make_a_symmetric_matrix() -> None:
    text = MATRIX.replace("FULL_MATRIX", "LOWER_ROW").replace("0 5 6\n7 0 8\n9 10 0", "5\n6 8")
    assert parse(text, "three").travel == ((0, 5, 6), (5, 0, 8), (6, 8, 0))


def test_decimal_coordinates_are_exact() -> None:
    instance = parse(solomon("    2      1         1 ", "    2      0.1       0.7 "), "made-up")
    assert instance.places[2] == (Fraction(1, 10), Fraction(7, 10))
    assert instance.travel[0][2] == 7


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (solomon("10         50 ", "nan        50 "), "line 11: READY TIME is 'nan', not a number"),
        (solomon("10         50 ", "-1         50 "), "line 11: READY TIME is -1, must not be negative"),
        (solomon("10         50 ", "60         50 "), "line 11: the window of customer 1 ends at 50, before it begins"),
        (solomon("    2      1 ", "    1      1 "), "line 12: CUST NO. 1 was already given in line 11"),
        (solomon("    3      0 ", "    5      0 "), "line 13: CUST NO. is 5, must be 3"),
        (solomon("    1      3         4 ", "    1      3 "), "line 11: CUSTOMER has 6 values, must have 7"),
        (solomon("    1      3 ", "    1      inf "), "line 11: XCOORD. is 'inf', not a number"),
        (solomon("20          0         70", "21          0         70"), "demand of customer 3 is 21"),
        (solomon("  3         20", "  0         20"), "line 5: NUMBER is 0"),
        (solomon("VEHICLE\n", "TRUCKS\n"), "VEHICLE is missing"),
        (SOLOMON.split("CUSTOMER\n", maxsplit=1)[0], "CUSTOMER is missing"),
        ("", "is empty"),
        (vrplib("CAPACITY: 10\n", ""), "CAPACITY is missing"),
        (vrplib("DIMENSION: 4\n", ""), "DIMENSION is missing"),
        (vrplib("DIMENSION: 4", "DIMENSION: 4.5"), "line 4: DIMENSION is 4.5, must be a whole number"),
        (vrplib("EDGE_WEIGHT_TYPE: EUC_2D", "EDGE_WEIGHT_TYPE: GEO"), "line 3: EDGE_WEIGHT_TYPE is GEO"),
        (vrplib("3 1 1\n4 0 -10", "3 1 1"), "NODE_COORD_SECTION has 3 nodes, DIMENSION says 4"),
        (vrplib("3 1 1", "2 1 1"), "line 11: NODE_COORD_SECTION node 2 was already given in line 10"),
        (vrplib("2 10 50", "2 51 50"), "line 20: the window of customer 1 ends at 50, before it begins at 51"),
        (vrplib("3 7\n", "3 NaN\n"), "line 26: RELEASE_TIME_SECTION is 'NaN', not a number"),
        (vrplib("\nDEPOT_SECTION\n1", "\nDEPOT_SECTION\n1\n2"), "must name the first node alone"),
        (vrplib("SERVICE_TIME: 2", "PRIZES: 2"), "line 7: PRIZES is not understood"),
        (vrplib("DEMAND_SECTION", "PRIZE_SECTION"), "PRIZE_SECTION is not understood"),
        (vrplib("VEHICLES: 2", "VEHICLES: 3"), "VEHICLES_RELOAD_DEPOT_SECTION has 2 rows, VEHICLES says 3"),
        (MATRIX.replace("9 10 0", "9 10"), "EDGE_WEIGHT_SECTION has 8 values, must have 9"),
        (MATRIX.replace("9 10 0", "9 x 0"), "line 10: EDGE_WEIGHT_SECTION is 'x', not a number"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_line_and_field(text: str, said: str) -> None:
    with pytest.raises(InstanceError) as refused:
        parse(text, "bad.txt")
    assert "bad.txt" in str(refused.value)
    assert said in str(refused.value)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(InstanceError, match="not a text file"):
        read(tmp_path / "bad.txt")


def test_best_known_costs_are_those_of_the_sources(shared_data: Path) -> None:
    known = tomllib.loads(Path(bench_command.__file__).with_name("best_known.toml").read_text())
    said = dict(re.findall(r"\b(R\w+) (\d{4,6})\b", (shared_data / "SOURCES.md").read_text()))
    assert {"RC101", "R201", "R1_2_1"} <= said.keys()
    ours = {name: cost for costs in known.values() for name, cost in costs.items()}
    assert {name: ours[name] for name in said} == {name: int(cost) for name, cost in said.items()}


def test_published_answer_costs_what_it_says(shared_data: Path) -> None:
    folder = shared_data / "vrp"
    text = (folder / "R205R0.5.sol").read_text()
    routes = [[int(word) for word in line.split(":")[1].split()] for line in text.splitlines() if "Route" in line]
    count = recount(read(folder / "R205R0.5.vrp"), routes)
    assert count.faults == ()
    assert f"Cost: {count.cost}" in text
