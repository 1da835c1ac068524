"""What may stand in a text field of a record that comes in from outside."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator


def _printable(text: str) -> str:
    if bad := next((letter for letter in text if not letter.isprintable()), None):
        raise ValueError(f"may not hold the control character {bad!r}")
    return text


Text = Annotated[str, AfterValidator(_printable)]
"""Text without control characters: those break labels, logs and PostgreSQL."""


def place(loc: Sequence[int | str]) -> str:
    """Where in a record a fault is, `chores.0`; what cannot be written as text is escaped."""
    return ".".join(map(str, loc)).encode(errors="backslashreplace").decode()
