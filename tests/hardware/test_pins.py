"""`pins.csv` is the one truth: it fits the Pico, the firmware uses just these pins, and each node has its parts."""

import ast
import csv
from collections import Counter
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
HARDWARE = REPO / "hardware"
NODES = ("cooler", "scanner", "shunt")

# Raspberry Pi Pico datasheet, figure 2: physical pin of each GPIO on the header.
HEADER = dict(zip(range(16), (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 16, 17, 19, 20), strict=True)) | dict(
    zip((16, 17, 18, 19, 20, 21, 22, 26, 27, 28), (21, 22, 24, 25, 26, 27, 29, 31, 32, 34), strict=True)
)
# RP2040 datasheet, table 2: where each function can be brought out.
FUNCTIONS = {
    "UART0 TX": {0, 12, 16, 28},
    "UART0 RX": {1, 13, 17, 29},
    "UART1 TX": {4, 8, 20, 24},
    "UART1 RX": {5, 9, 21, 25},
    "I2C0 SDA": {0, 4, 8, 12, 16, 20, 24, 28},
    "I2C0 SCL": {1, 5, 9, 13, 17, 21, 25, 29},
    "1-wire": set(HEADER),
    "digital": set(HEADER),
}


def rows(name: str) -> list[dict[str, str]]:
    with (HARDWARE / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def constant(name: str) -> object:
    """A constant of `firmware/main.py`, read without running it: this computer has no `machine`."""
    for statement in ast.parse((REPO / "firmware" / "main.py").read_text()).body:
        if isinstance(statement, ast.Assign) and [ast.unparse(target) for target in statement.targets] == [name]:
            return ast.literal_eval(statement.value)
    raise AssertionError(f"firmware/main.py has no {name}")


def test_the_firmware_uses_just_the_pins_of_the_table() -> None:
    assert constant("PINS") == {row["signal"]: int(row["gpio"]) for row in rows("pins.csv")}


@pytest.mark.parametrize("row", rows("pins.csv"), ids=lambda row: row["signal"])
def test_each_pin_is_on_the_header_and_can_do_its_function(row: dict[str, str]) -> None:
    gpio = int(row["gpio"])
    assert HEADER[gpio] == int(row["pin"])
    assert gpio in FUNCTIONS[row["function"]]
    assert row["direction"] in ("in", "out", "both")
    assert float(row["voltage_v"]) == 3.3  # an RP2040 takes no more
    assert set(row["nodes"].split(";")) <= set(NODES)


@pytest.mark.parametrize("node", NODES)
def test_no_pin_of_a_node_is_used_twice(node: str) -> None:
    used = Counter(row["gpio"] for row in rows("pins.csv") if node in row["nodes"].split(";"))
    assert used
    assert set(used.values()) == {1}


def test_the_buses_of_the_firmware_are_those_of_the_table() -> None:
    numbers = {row["signal"]: row["function"].split(" ", maxsplit=1)[0] for row in rows("pins.csv")}
    assert numbers["line_tx"] == numbers["line_rx"] == f"UART{constant('LINE_UART')}"
    assert numbers["scanner_tx"] == numbers["scanner_rx"] == f"UART{constant('SCANNER_UART')}"
    assert numbers["shunt_sda"] == numbers["shunt_scl"] == f"I2C{constant('SHUNT_I2C')}"


def test_every_pin_of_the_table_is_in_the_wiring() -> None:
    readme = (HARDWARE / "README.md").read_text()
    for row in rows("pins.csv"):
        assert f"GP{row['gpio']} (pin {row['pin']})" in " ".join(readme.split()), row["signal"]


def test_only_main_knows_the_board() -> None:
    for module in (REPO / "firmware").glob("*.py"):
        imported = {
            name
            for node in ast.walk(ast.parse(module.read_text()))
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        }
        assert ("machine" in imported) is (module.name == "main.py"), module.name


@pytest.mark.parametrize("row", rows("bom.csv"), ids=lambda row: row["part"][:30])
def test_each_part_has_a_number_a_node_and_a_reason(row: dict[str, str]) -> None:
    assert None not in row  # a comma too many
    assert int(row["quantity"]) >= 1
    assert set(row["nodes"].split(";")) <= set(NODES)
    assert len(row["why"]) > 20


@pytest.mark.parametrize("node", NODES)
def test_each_node_has_what_its_pins_need(node: str) -> None:
    parts = " ".join(row["part"] for row in rows("bom.csv") if node in row["nodes"].split(";"))
    needs = {"cooler": ("DS18B20", "Reed", "4.7 kohm"), "scanner": ("Barcode",), "shunt": ("INA228", "Shunt", "Fuse")}
    for need in ("Pico", "serial lead", "LED", *needs[node]):
        assert need in parts
