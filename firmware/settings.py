"""What a node is told about itself in `node.json`: defaults, and a check that names every fault at once."""

import json

import readings

KINDS = {name: number for number, name in readings.NODE_KINDS.items()}

COMMON = {"name": "", "kind": "", "ring": 180}
DEFAULTS = {
    "cooler": {
        "sample_s": 10,
        "period_s": 60,
        # [limit C, delay s]: the alarm is raised when the temperature was beyond the limit for that long.
        "too_warm": [[7.0, 900], [10.0, 300]],
        "too_cold": [],
        "lid_alarm_s": 180,
        "probe_lost_s": 300,
        # 1-wire address in hex of each probe; null: this cooler has none. Only the board reads the address.
        "air_probe": "",
        "product_probe": "",
    },
    "scanner": {"baud": 9600},
    "shunt": {"period_s": 60, "shunt_micro_ohm": 750, "full_scale_a": 100},
}
RANGES = {
    "ring": (10, 500),
    "sample_s": (1, 300),
    "period_s": (10, 3600),
    "lid_alarm_s": (10, 3600),
    "probe_lost_s": (10, 3600),
    "baud": (1200, 115200),
    "shunt_micro_ohm": (10, 100000),
    "full_scale_a": (1, 1000),
}
PROBES = ("air_probe", "product_probe")
BANDS = ("too_warm", "too_cold")


class SettingsError(ValueError):
    """The settings cannot be used; `faults` has a line for each fault, beginning with its field."""

    def __init__(self, faults: list[str]):
        super().__init__("; ".join(faults))
        self.faults = faults


def load_settings(text: str) -> dict:
    """The settings in `text` (JSON) over the defaults of their kind. Raises `SettingsError` with all faults."""
    try:
        given = json.loads(text)
    except ValueError:
        raise SettingsError(["file: no JSON"]) from None
    if not isinstance(given, dict):
        raise SettingsError(["file: no JSON object"])
    kind = given.get("kind")
    if kind not in DEFAULTS:
        raise SettingsError(["kind: %r is not one of %s" % (kind, ", ".join(sorted(DEFAULTS)))])
    settings = dict(COMMON)
    settings.update(DEFAULTS[kind])
    faults = ["%s: unknown field" % field for field in sorted(given) if field not in settings]
    settings.update(given)
    faults += _faults(settings)
    if faults:
        raise SettingsError(faults)
    return settings


def _faults(settings: dict) -> list[str]:
    faults = []
    name = settings["name"]
    if not isinstance(name, str) or not 1 <= len(name) <= 40:
        faults.append("name: 1..40 letters, digits or dashes")
    for field, (low, high) in RANGES.items():
        value = settings.get(field, low)
        if not _is_number(value) or not low <= value <= high:
            faults.append("%s: %r is not in %d..%d" % (field, value, low, high))
    for field in PROBES:
        value = settings.get(field, "")
        if value is not None and not isinstance(value, str):
            faults.append("%s: %r is neither a 1-wire address nor null" % (field, value))
    for field in BANDS:
        if not _is_band(settings.get(field, [])):
            faults.append("%s: %r is no list of [limit C, delay s]" % (field, settings[field]))
    return faults


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_band(value: object) -> bool:
    return isinstance(value, list) and all(
        [isinstance(pair, list) and len(pair) == 2 and _is_number(pair[0]) and _is_number(pair[1]) for pair in value]
    )
