"""Every text in Dutch and in English, all of them in one table; and the types are those of the servers as they are."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hub_backend.coldchain import RULES
from hub_backend.ordering.goods import GOODS
from tests.conftest import ROOT

SCREENS = ROOT / "hub_backend/screens"
TEXTS: dict[str, dict[str, str]] = json.loads((SCREENS / "src/lib/texts.json").read_text())
SOURCES = [path for suffix in ("*.svelte", "*.ts") for path in (SCREENS / "src").rglob(suffix)]
ALL_SOURCE = "\n".join(path.read_text() for path in SOURCES)
USED = set(re.findall(r"\bt\(\s*[\"'`]([a-z0-9_.]+)[\"'`]", ALL_SOURCE))
PREFIXES = {
    *re.findall(r"\bword\(\s*\"([a-z_]+)\"", ALL_SOURCE),
    *re.findall(r"\bt\(`([a-z_.]+?)[._]?\$\{", ALL_SOURCE),
}


def test_every_text_is_there_in_both_languages() -> None:
    for key, text in TEXTS.items():
        assert set(text) == {"nl", "en"}, key
        assert text["nl"].strip(), key
        assert text["en"].strip(), key


def test_both_languages_name_the_same_values() -> None:
    for key, text in TEXTS.items():
        assert set(re.findall(r"\{\w+\}", text["nl"])) == set(re.findall(r"\{\w+\}", text["en"])), key


def test_every_text_that_is_asked_for_exists() -> None:
    assert USED - set(TEXTS) == set()


def test_no_text_is_left_over() -> None:
    left = {key for key in TEXTS if key not in USED and not any(key.startswith(prefix) for prefix in PREFIXES)}
    assert left == set()


def test_no_words_stand_in_the_markup_itself() -> None:
    for path in SOURCES:
        if path.suffix != ".svelte":
            continue
        markup = re.sub(r"<(script|style)\b.*?</\1>|<!--.*?-->", "", path.read_text(), flags=re.DOTALL)
        markup = _without_braces(markup)
        text = re.sub(r"<[^>]*>", " ", markup)
        words = [word for word in re.findall(r"[A-Za-z]{2,}", text) if word not in ("km", "kg", "nbsp", "WTW", "TTW")]
        assert words == ["Buurtrit"] * len(words), f"{path.name}: {words}"
        assert not re.findall(r"(?:aria-label|title|placeholder|alt)=\"[A-Za-z]{2,}[^\"]*\"", markup), path.name


def _without_braces(markup: str) -> str:
    depth, kept = 0, []
    for character in markup:
        depth += (character == "{") - (character == "}")
        if depth == 0 and character != "}":
            kept.append(character)
    return "".join(kept)


@pytest.mark.parametrize("goods", sorted(GOODS))
def test_goods_have_a_name(goods: str) -> None:
    assert f"goods.{goods}" in TEXTS


@pytest.mark.parametrize("rule", sorted({rule.name for rules in RULES.values() for rule in rules}))
def test_rules_have_a_name(rule: str) -> None:
    assert f"rule.{rule.split('_', maxsplit=1)[0]}" in TEXTS


@pytest.mark.whole
def test_gateway_types_are_fresh() -> None:
    assert _schema_hash("gateway") == _said("-m", "edge_gateway", "schema")


@pytest.mark.whole
def test_hub_types_are_fresh(tmp_path: Path) -> None:
    config = tmp_path / "hub.toml"
    config.write_text(
        f'org = "types"\nhubs = ["types"]\ndatabase_url = "sqlite:///{tmp_path}/hub.sqlite"\n[gateways]\n'
    )
    assert _schema_hash("hub") == _said("-m", "hub_backend", "openapi", "--config", str(config))


def _schema_hash(server: str) -> str:
    generated = (SCREENS / "src/api.generated.ts").read_text()
    found = re.search(rf"^// schema of the {server} ([0-9a-f]{{64}})$", generated, flags=re.MULTILINE)
    assert found, f"api.generated.ts carries no hash of the {server}'s schema"
    return found[1]


def _said(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, check=True)
    return hashlib.sha256(done.stdout).hexdigest()
