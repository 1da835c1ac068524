"""What may stand in a record that comes in from outside, and in its text fields."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, ConfigDict

RECORD = ConfigDict(extra="forbid", allow_inf_nan=False)
"""No field that is not known, and no number that is none."""


def _printable(text: str) -> str:
    if bad := next((letter for letter in text if not letter.isprintable()), None):
        raise ValueError(f"may not hold the control character {bad!r}")
    return text


Text = Annotated[str, AfterValidator(_printable)]
"""Text without control characters: those break labels, logs and PostgreSQL."""


def place(loc: Sequence[int | str]) -> str:
    """Where in a record a fault is, `chores.0`; what cannot be written as text is escaped."""
    return ".".join(map(str, loc)).encode(errors="backslashreplace").decode()
