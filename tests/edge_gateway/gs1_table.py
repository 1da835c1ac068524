"""Makes edge_gateway/codes/identifiers.csv from GS1's syntax dictionary.

Usage: `python -m tests.edge_gateway.gs1_table gs1-syntax-dictionary.txt > edge_gateway/codes/identifiers.csv`.
"""

import csv
import io
import re
import sys
from pathlib import Path

HEADER = ("first", "last", "predefined", "components", "requires", "excludes", "key", "title")
ENTRY = re.compile(r"^(\d{2,4})(?:-(\d{2,4}))?\s+([*!?\"$%&'()+,./:;<=>@\[\]^_`{|}~-]*)\s*(?=[NXYZ\[])(.*)$")


def rows(dictionary: str) -> list[tuple[str, ...]]:
    """One row an entry: facts only, in our own form."""
    found = []
    for line in dictionary.splitlines():
        entry = ENTRY.match(line)
        if entry is None:
            continue
        first, last, flags, rest = entry.groups()
        specification, _, title = rest.partition("#")
        words = specification.split()
        components = [word for word in words if word[0] in "NXYZ["]
        attributes = [word for word in words if word not in components]
        requires = [word.removeprefix("req=") for word in attributes if word.startswith("req=")]
        excludes = [word.removeprefix("ex=") for word in attributes if word.startswith("ex=")]
        key = any(word.startswith("dlpkey") for word in attributes)
        found.append(
            (
                first,
                last or first,
                "yes" if "*" in flags else "",
                " ".join(components),
                " ".join(requires),
                " ".join(excludes),
                "yes" if key else "",
                title.strip(),
            )
        )
    return found


def table(dictionary: str) -> str:
    """The CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(rows(dictionary))
    return text.getvalue()


if __name__ == "__main__":
    sys.stdout.write(table(Path(sys.argv[1]).read_text()))
