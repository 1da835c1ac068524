"""The board: real pins, real sensors, flash and watchdog. The only file that knows `machine`; MicroPython starts it.

What the node is comes from `/node.json`, its pins from `PINS`, which a test compares with `hardware/pins.csv`.
"""

import gc
import os
import select
import struct
import time

import onewire
from machine import I2C, UART, WDT, Pin
from node import Node
from sensors import CoolerSensors, Ds18b20, Ina228, ReedSwitch, SerialScanner
from settings import SettingsError, load_settings
from ticks import Ticks

PINS = {
    "line_tx": 0,
    "line_rx": 1,
    "scanner_tx": 4,
    "scanner_rx": 5,
    "shunt_sda": 8,
    "shunt_scl": 9,
    "probes": 16,
    "lid": 17,
    "trouble": 22,
}
LINE_UART = 0
LINE_BAUD = 115200
LINE_BUFFER_BYTES = 2048  # a whole window of the longest frames, so that writing never waits
SCANNER_UART = 1
SHUNT_I2C = 0
WATCHDOG_MS = 8000  # the longest an RP2040 can
LOOK_MS = 20  # the lid's switch must be seen twice within its debouncing
FOLDER = "/node"
GC_BYTES = 16384  # collect early and often, so that the heap is not broken up


class BoardFlash:
    """The board's own littlefs, mounted at `/`, as one object."""

    def __init__(self) -> None:
        self.open = open
        self.ilistdir = os.ilistdir
        self.mkdir = os.mkdir
        self.remove = os.remove
        self.rename = os.rename
        self.stat = os.stat


def make_sensors(settings: dict):
    """The sensors of this kind of node, on their pins."""
    if settings["kind"] == "scanner":
        tx, rx = Pin(PINS["scanner_tx"]), Pin(PINS["scanner_rx"])
        return SerialScanner(UART(SCANNER_UART, settings["baud"], tx=tx, rx=rx, rxbuf=1024))
    if settings["kind"] == "shunt":
        i2c = I2C(SHUNT_I2C, sda=Pin(PINS["shunt_sda"]), scl=Pin(PINS["shunt_scl"]), freq=400_000)
        return Ina228(i2c, settings["shunt_micro_ohm"] / 1e6, settings["full_scale_a"])
    wire = onewire.OneWire(Pin(PINS["probes"]))
    probes = [Ds18b20(wire, rom) if rom else None for rom in (settings["air_probe"], settings["product_probe"])]
    switch = ReedSwitch(Pin(PINS["lid"], Pin.IN, Pin.PULL_UP), Ticks().now_ms)
    return CoolerSensors(wire, probes[0], probes[1], switch)


def make_node(settings: dict, line, now_ms: int) -> Node:
    """The node on this board."""
    if FOLDER[1:] not in os.listdir("/"):
        os.mkdir(FOLDER)
    random_u16 = struct.unpack("<H", os.urandom(2))[0]

    def write(data: bytes) -> bool:
        return line.write(data) == len(data)

    return Node(
        settings,
        make_sensors(settings),
        BoardFlash(),
        FOLDER,
        random_u16=random_u16,
        write=write,
        now_ms=now_ms,
        world_ms=now_ms,
    )


def blink(trouble: Pin) -> None:
    """The settings are wrong: say so until somebody comes, with the REPL free to mend them."""
    while True:
        trouble.toggle()
        time.sleep_ms(200)


def main() -> None:
    gc.threshold(GC_BYTES)
    trouble = Pin(PINS["trouble"], Pin.OUT, value=1)
    try:
        with open("/node.json") as file:
            settings = load_settings(file.read())
    except (OSError, SettingsError) as error:
        print("node.json:", error)
        blink(trouble)
        return
    tx, rx = Pin(PINS["line_tx"]), Pin(PINS["line_rx"])
    line = UART(LINE_UART, LINE_BAUD, tx=tx, rx=rx, txbuf=LINE_BUFFER_BYTES, rxbuf=LINE_BUFFER_BYTES)
    ticks = Ticks()
    node = make_node(settings, line, ticks.now_ms())
    poll = select.poll()
    poll.register(line, select.POLLIN)
    watchdog = WDT(timeout=WATCHDOG_MS)
    while True:
        now_ms = ticks.now_ms()
        poll.poll(min(LOOK_MS, node.due_in_ms(now_ms, now_ms)))
        now_ms = ticks.now_ms()
        if line.any():
            node.receive(line.read(line.any()) or b"", now_ms)
        node.step(now_ms, now_ms)
        trouble.value(0 if node.link.is_open and not node.outbox.dropped else 1)
        watchdog.feed()


if __name__ == "__main__":
    main()
