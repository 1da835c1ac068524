"""The house's own rules, held against the files."""

import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT


def test_contract_page_is_fresh(tmp_path: Path) -> None:
    fresh = tmp_path / "contract.md"
    subprocess.run([sys.executable, "docs/contract_page.py", str(fresh)], cwd=ROOT, check=True)
    assert fresh.read_text() == (ROOT / "docs/contract.md").read_text(), "docs/contract.md is stale: run `make docs`"


def test_every_link_of_the_contract_page_leads_somewhere() -> None:
    page = (ROOT / "docs/contract.md").read_text()
    headings = {line.removeprefix("### ").lower() for line in page.splitlines() if line.startswith("### ")}
    links = set(re.findall(r"\]\(#([a-z]+)\)", page))
    assert links <= headings, f"no such heading: {sorted(links - headings)}"


def test_only_main_imports_machine() -> None:
    importers = {
        file.name
        for file in (ROOT / "firmware").glob("*.py")
        if any(
            line.split()[:2] in (["import", "machine"], ["from", "machine"]) for line in file.read_text().splitlines()
        )
    }
    assert importers == {"main.py"}
