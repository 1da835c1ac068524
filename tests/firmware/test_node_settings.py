"""What a node is told about itself: checked as a whole, every fault named."""

import json
import re

import pytest
from node_board import FIRMWARE
from settings import DEFAULTS, SettingsError, load_settings

README = (FIRMWARE / "README.md").read_text()


def test_the_example_is_valid_and_complete() -> None:
    example = json.loads((FIRMWARE / "node.example.json").read_text())
    settings = load_settings(json.dumps(example))
    assert set(settings) - set(example) == {"ring"}


@pytest.mark.parametrize("kind", ["cooler", "scanner", "shunt"])
def test_name_and_kind_are_enough(kind: str) -> None:
    assert load_settings(json.dumps({"name": "fridge", "kind": kind}))["name"] == "fridge"


def test_all_faults_are_told_at_once() -> None:
    wrong = {
        "name": "",
        "kind": "cooler",
        "sample_s": 0,
        "period_s": "60",
        "too_warm": [[7.0]],
        "air_probe": 28,
        "colour": "red",
    }
    with pytest.raises(SettingsError) as caught:
        load_settings(json.dumps(wrong))
    assert sorted(fault.split(":")[0] for fault in caught.value.faults) == [
        "air_probe",
        "colour",
        "name",
        "period_s",
        "sample_s",
        "too_warm",
    ]


@pytest.mark.parametrize(("text", "field"), [("{", "file"), ("[]", "file"), ('{"kind": "oven"}', "kind")])
def test_what_is_no_settings_says_so(text: str, field: str) -> None:
    with pytest.raises(SettingsError, match=field):
        load_settings(text)


def test_the_readme_copies_every_module_to_the_board() -> None:
    copied = re.findall(r"(\w+\.py)\b", "\n".join(re.findall(r"^mpremote cp .*$", README, flags=re.MULTILINE)))
    modules = {module.name for module in FIRMWARE.glob("*.py")} - {"__init__.py", "twin.py"}
    assert sorted(copied) == sorted(modules)


@pytest.mark.parametrize("field", sorted({name for one in DEFAULTS.values() for name in one} | {"ring"}))
def test_the_readme_tells_every_field(field: str) -> None:
    assert f"`{field}`" in README
