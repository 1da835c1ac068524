"""A day in a path: `/days/2026-11-23/…`."""

from typing import Annotated

from fastapi import HTTPException, Path

from hub_backend.workday import is_day

Day = Annotated[str, Path(pattern=r"^\d{4}-\d{2}-\d{2}$", description="local date")]


def must_be_day(day: str) -> None:
    """Raises `HTTPException` 422 for what looks like a date and is none, such as 2026-13-40."""
    if not is_day(day):
        raise HTTPException(422, f"day: {day!r} is no date")
