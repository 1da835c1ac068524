"""The build hook: builds when the sources changed, and says what went wrong when it cannot."""

import json
from pathlib import Path

import pytest

import hatch_build
from tests.conftest import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    screens = tmp_path / hatch_build.SCREENS
    (screens / "src").mkdir(parents=True)
    (screens / "src/page.ts").write_text("export {};")
    (screens / "package-lock.json").write_text("{}")
    for out in hatch_build.PAGES.values():
        (tmp_path / out).mkdir(parents=True)
        (tmp_path / out / "index.html").write_text("<!doctype html>")
        (tmp_path / out / hatch_build.STAMP).write_text(hatch_build.sources_hash(screens))
    return tmp_path


def test_fresh_pages_are_left_alone(checkout: Path) -> None:
    assert hatch_build.stale(checkout) == []


def test_a_changed_source_makes_all_pages_stale(checkout: Path) -> None:
    (checkout / hatch_build.SCREENS / "src/page.ts").write_text("export const changed = 1;")
    assert hatch_build.stale(checkout) == ["hub", "gateway"]


def test_a_renamed_source_makes_all_pages_stale(checkout: Path) -> None:
    source = checkout / hatch_build.SCREENS / "src/page.ts"
    source.rename(source.with_name("other.ts"))
    assert hatch_build.stale(checkout) == ["hub", "gateway"]


def test_an_installed_package_does_not(checkout: Path) -> None:
    package = checkout / hatch_build.SCREENS / "node_modules/vite"
    package.mkdir(parents=True)
    (package / "index.js").write_text("")
    assert hatch_build.stale(checkout) == []


def test_absent_pages_are_stale(checkout: Path) -> None:
    (checkout / hatch_build.PAGES["gateway"] / "index.html").unlink()
    assert hatch_build.stale(checkout) == ["gateway"]


@pytest.mark.whole
def test_a_failing_npm_is_named_with_its_words_and_what_to_do(checkout: Path) -> None:
    with pytest.raises(
        hatch_build.PagesError, match=r"(?s)`npm ci` in hub_backend/screens ended with code \d+.*npm error.*registry"
    ):
        hatch_build.build(checkout, ["hub"])


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((ROOT / hatch_build.SCREENS / "package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages
    assert not [name for name, package in packages.items() if "resolved" in package]
    assert not [name for name, package in packages.items() if "integrity" not in package]
