"""Where the node's modules are; importing this lets a test import them as the board does (`import frame`)."""

import sys
from collections.abc import Callable
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
FIRMWARE = REPO / "firmware"
ON_BOARD = Path(__file__).parent / "on_board"
GOLDEN = REPO / "tests" / "golden" / "frames.json"

RunOnBoard = Callable[..., str]

for folder in (FIRMWARE, ON_BOARD):
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
